#!/usr/bin/env bash
# Installs the agent CLIs from npm into a folder of this script's own and records what each prints, run against the
# model stub on loopback: no key, no account, no model.
#
#   tests/real-clis/record.sh                 the versions below, into target/real-clis, all of them
#   tests/real-clis/record.sh --latest        the newest versions
#   tests/real-clis/record.sh --clis FOLDER   those in FOLDER (with the programs in it), nothing is installed
#   tests/real-clis/record.sh … codex gemini  only these
#
# Transcripts go to tests/fixtures/transcripts/CLI-VERSION/; the parsers' tests read every folder there. What differs
# from machine to machine (paths, ports) is replaced.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

packages=(@anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0 @google/gemini-cli@0.61.0 opencode-ai@1.18.33)
clis= latest=
names=()
while [ $# -gt 0 ]; do
    case $1 in
    --clis) clis=$(cd "$2" && pwd) && shift ;;
    --latest) latest=1 ;;
    -*) echo "usage: record.sh [--latest | --clis FOLDER] [CLI…]" >&2 && exit 2 ;;
    *) names+=("$1") ;;
    esac
    shift
done
[ ${#names[@]} -gt 0 ] || names=(claude codex gemini opencode)

if [ -z "$clis" ]; then
    [ -z "$latest" ] || packages=("${packages[@]%@*}")
    mkdir -p "$root/target/real-clis"
    # The binaries of two of them are fetched by their install scripts.
    (cd "$root/target/real-clis" && echo '{"private": true}' >package.json &&
        npm install --no-audit --no-fund --foreground-scripts "${packages[@]}")
    clis=$root/target/real-clis/node_modules/.bin
fi
(cd "$root" && cargo build --quiet --example model-stub)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

argv() {
    case $1 in
    claude) echo claude -p --output-format stream-json --verbose --dangerously-skip-permissions ;;
    codex) echo codex exec --json --dangerously-bypass-approvals-and-sandbox - ;;
    gemini) echo gemini --output-format stream-json --yolo --skip-trust ;;
    opencode) echo opencode run --format json --auto ;;
    esac
}

# Paths of this machine, the longest first; claude also spells the project's path with dashes.
clean() {
    local dashed=${work//[^A-Za-z0-9]/-}
    sed -e "s|$work/project|/project|g" -e "s|$work/home|/home/user|g" -e "s|$work|/tmp|g" -e "s|$dashed||g" \
        -e "s|$(dirname "$clis")|/clis|g" -e "s|$(readlink -f "$clis/..")|/clis|g" \
        -e 's|127\.0\.0\.1:[0-9]*|127.0.0.1:1|g'
}

# record CLI NAME SECONDS RETRIES REPLY…
record() {
    local cli=$1 name=$2 secs=$3 retries=$4 code=0 address
    shift 4
    rm -rf "$work/home" "$work/project" "$work/in"
    mkdir -p "$work/project"
    git -C "$work/project" init -q
    mkfifo "$work/in"
    "$root/target/debug/examples/model-stub" "$@" <"$work/in" >"$work/address" &
    exec 9>"$work/in"
    until [ -s "$work/address" ]; do sleep 0.05; done
    address=$(cat "$work/address")
    local vars command
    mapfile -t vars < <(RETRIES=$retries sh "$here/prepare.sh" "$cli" "$work/home" "$address")
    read -ra command <<<"$(argv "$cli")"
    command=("${command[@]/#stream-json/${form:-stream-json}}")
    (cd "$work/project" && printf 'say hello' |
        env -i PATH="$clis:/usr/local/bin:/usr/bin:/bin" "${vars[@]}" timeout -s KILL "$secs" "${command[@]}" \
            >"$work/out" 2>"$work/err") 2>/dev/null || code=$?
    exec 9>&-
    wait
    : >"$work/address"
    clean <"$work/out" >"$folder/$name.jsonl"
    clean <"$work/err" >"$folder/$name.stderr"
    [ -s "$folder/$name.stderr" ] || rm "$folder/$name.stderr"
    printf '%s: exit %s, answers: %s\n' "$name" "$code" "$*" | tee -a "$folder/README"
}

for cli in "${names[@]}"; do
    version=$("$clis/$cli" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1)
    folder=$root/tests/fixtures/transcripts/$cli-$version
    rm -rf "$folder"
    mkdir -p "$folder"
    printf '%s %s: `%s`, recorded by tests/real-clis/record.sh against the model stub\n\n' \
        "$cli" "$version" "$(argv "$cli")" | tee "$folder/README"
    record "$cli" text 60 0 'text:hello from the stub'
    record "$cli" tool 60 0 'tool:echo made by the tool' 'text:all done'
    record "$cli" tool-fails 60 0 'tool:echo broken >&2; exit 3' 'text:it failed'
    record "$cli" refusal 60 0 'refuse:I cannot help with that'
    record "$cli" refusal-after-tool 60 0 'tool:true' 'refuse:I cannot help with that'
    record "$cli" error 60 0 error:400
    record "$cli" crash 60 0 'tool:kill -9 $PPID' 'text:never said'
    record "$cli" hang 8 0 hang
    # opencode repeats such requests itself, without a word and without an end.
    if [ "$cli" = opencode ]; then
        record "$cli" rate-limit-waited 60 0 limit:1 'text:after the wait'
        record "$cli" cut-repeated 60 0 cut 'text:after the cut'
    else
        record "$cli" rate-limit 60 0 limit:30
        record "$cli" cut 60 0 cut
    fi
    if [ "$cli" = claude ]; then
        record "$cli" rate-limit-waited 60 2 limit:1 'text:after the wait'
    fi
    if [ "$cli" = gemini ]; then
        form=json record "$cli" json 60 0 'text:hello from the stub'
        form=json record "$cli" json-error 60 0 error:400
    fi
done
