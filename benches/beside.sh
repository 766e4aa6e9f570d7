#!/usr/bin/env bash
# What the tools that people use for this do when things go wrong, tried one after the other.
#
#     cargo build --release && bash benches/beside.sh target/release/orchestrator
#
# Prints a table in Markdown; `-` where a tool is not installed. Takes about three minutes, and leaves nothing behind.
set -um
here=$(mktemp -d) || exit 1
orchestrator=$(realpath "${1:?the program}")
export HOME=$here/home XDG_RUNTIME_DIR=$here/run PUEUE_CONFIG_PATH=$here/pueue.yml
export GIT_CONFIG_NOSYSTEM=1 PARALLEL_HOME=$here/parallel
mkdir -p "$HOME" "$XDG_RUNTIME_DIR" "$PARALLEL_HOME" && chmod 700 "$XDG_RUNTIME_DIR" && : >"$PARALLEL_HOME/will-cite"
tools="loop xargs parallel make pueue orchestrator"

have() { case $1 in loop) true ;; orchestrator) true ;; pueue) type pueued pueue >/dev/null 2>&1 ;; *) type "$1" >/dev/null 2>&1 ;; esac; }
# Not one that has ended and was not asked for its status yet.
alive() { [ -n "${1:-}" ] && ps -o stat= -p "$1" 2>/dev/null | grep -qv Z; }
# Until a command holds, ten seconds at most.
until_() { for _ in $(seq 100); do "$@" && return; sleep 0.1; done; return 1; }

# tool start DIR LIMIT TASK...: runs the tasks, two at once, as a person would write it down; LIMIT: seconds or 0.
start() {
    local tool=$1 dir=$2 limit=$3 cut=""
    shift 3
    cd "$dir" || exit 1
    [ "$limit" = 0 ] || cut="timeout $limit "
    local n=0 task
    : >list
    for task; do n=$((n + 1)); [ -f task$n.sh ] || printf '%s\n' "$task" >task$n.sh; echo "sh task$n.sh" >>list; done
    case $tool in
    loop) exec bash -c "while read -r task; do $cut \$task; done <list" ;;
    xargs) exec xargs -P2 -L1 ${cut:-env} <list ;;
    parallel)
        [ "$limit" = 0 ] && set -- || set -- --timeout "$limit"
        exec parallel -j2 --resume --joblog joblog "$@" <list
        ;;
    make)
        if [ ! -f Makefile ]; then
            printf 'all: $(patsubst %%.sh,%%.done,$(wildcard task*.sh))\n%%.done: %%.sh\n\t%ssh $<\n\t@touch $@\n' "$cut" >Makefile
        fi
        exec make -k -j2
        ;;
    pueue)
        printf '%s\n' "shared: {pueue_directory: $dir/pueue, runtime_directory: $dir, use_unix_socket: true}" \
            "client: {}" "daemon: {}" >"$PUEUE_CONFIG_PATH"
        mkdir -p "$dir/pueue"
        pueued >daemon.log 2>&1 &
        echo $! >main
        until_ pueue status >/dev/null 2>&1
        if [ ! -f added ]; then
            pueue parallel 2 >/dev/null
            while read -r task; do pueue add -- "$cut$task" >/dev/null; done <list
            touch added
        else
            pueue start >/dev/null
        fi
        exec pueue wait
        ;;
    orchestrator)
        [ -d .git ] || git init -q -b work .
        [ "$limit" = 0 ] || printf 'supervision: {inactivity_secs: %s}\n' "$limit" >orchestration.yaml
        if [ -f begun ]; then exec "$orchestrator" batch --resume last; fi
        touch begun
        exec "$orchestrator" batch --exec --max-concurrent 2 list
        ;;
    esac
}

# Ends what a tool left, by the numbers that its tasks wrote down.
clean() {
    [ -f "$1/main" ] && kill -9 "$(cat "$1/main")" 2>/dev/null
    for file in "$1"/*.pid; do [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
    wait 2>/dev/null
}

agent='echo $$ >agent.pid; setsid sh -c "echo \$\$ >helper.pid; exec sleep 50" & exec sleep 50'

# After Ctrl-C: does the agent live on, or what it had started in a session of its own?
ctrl_c() {
    ( start "$1" "$2" 0 "$agent" ) >"$2/out" 2>&1 &
    local job=$!
    until_ test -s "$2/helper.pid" || { answer="did not start"; return; }
    kill -INT -- -$job
    until_ eval "! alive $job" || true
    local left=""
    sleep 0.5
    alive "$(cat "$2/agent.pid")" && left="the agent"
    alive "$(cat "$2/helper.pid")" && left="${left:+$left and }its helper"
    answer=${left:-nothing}
}

# After `kill -9` and the same command again: is the old agent still at work beside the new one?
killed() {
    local slow='echo $$ >agent.$$.pid; exec sleep 50'
    ( start "$1" "$2" 0 "echo once >>done; true" "$slow" ) >"$2/out" 2>&1 &
    local job=$! first=""
    until_ eval "ls '$2'/agent.*.pid >/dev/null 2>&1 && test -s '$2/done'" || { answer="did not start | -"; return; }
    sleep 0.5
    first=$(cat "$2"/agent.*.pid)
    kill -9 "$(cat "$2/main" 2>/dev/null || echo $job)"
    kill -9 $job 2>/dev/null
    wait $job 2>/dev/null
    ( start "$1" "$2" 0 "echo once >>done; true" "$slow" ) >"$2/out2" 2>&1 &
    job=$!
    until_ eval "[ \$(ls '$2'/agent.*.pid | wc -l) -gt 1 ]" || true
    sleep 0.5
    local old="ended" again="no"
    alive "$first" && old="goes on beside the new one"
    [ "$(ls "$2"/agent.*.pid | wc -l)" -gt 1 ] || old="$old; nothing was started"
    [ "$(wc -l <"$2/done")" -gt 1 ] && again="yes"
    kill -INT -- -$job 2>/dev/null
    until_ eval "! alive $job" || kill -9 -- -$job
    answer="$old | $again"
}

# A limit of two seconds, by the means at hand: is the silent agent ended, and the one that talks left alone?
silence() {
    ( start "$1" "$2" 2 'echo $$ >silent.pid; exec sleep 50' \
        'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do echo $i; sleep 0.25; done; touch finished' ) >"$2/out" 2>&1 &
    local job=$! said="ended"
    until_ test -s "$2/silent.pid" || { answer="did not start"; return; }
    until_ eval "! alive \$(cat '$2/silent.pid')" || said="lives"
    until_ eval "test -e '$2/finished' || ! alive $job" || true
    [ -e "$2/finished" ] && said="$said, the other finished" || said="$said, the other too"
    kill -INT -- -$job 2>/dev/null
    until_ eval "! alive $job" || kill -9 -- -$job 2>/dev/null
    answer=$said
}

trap 'rm -rf "$here"' EXIT
echo "| | after Ctrl-C there is left | after \`kill -9\` and a new start the old agent | what was finished runs again | a limit of 2 s: the silent agent |"
echo "| --- | --- | --- | --- | --- |"
for tool in $tools; do
    row="| $tool"
    for trial in ctrl_c killed silence; do
        dir=$here/$tool-$trial
        mkdir -p "$dir"
        if have "$tool"; then
            # In this very shell: one of its own would have no jobs, and start them with SIGINT ignored.
            "$trial" "$tool" "$dir" 2>"$dir/err"
            clean "$dir" 2>/dev/null
            row="$row | $answer"
        else
            row="$row | -"
            [ "$trial" = killed ] && row="$row | -"
        fi
    done
    echo "$row |"
done
