#!/bin/sh
# Which lines of src/ the tests run: docs/testing.md, "Coverage".
#
#   tests/coverage/run.sh build               builds tests and programs with counters
#   tests/coverage/run.sh test [ARGUMENTS]    cargo test, as often as wanted: what was counted adds up
#   tests/coverage/run.sh report [PATH...]    lines of each file; with paths, also the lines nobody ran
#   tests/coverage/run.sh reset               forgets what was counted
#
# The counters are kept in mapped files, one for each program, so that what a killed process ran counts too.
# LLVM_BIN is the folder of llvm-profdata and llvm-cov, COVERAGE_DIR where all of this goes (15 GB).
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
dir=${COVERAGE_DIR:-$root/target/coverage}
host=$(rustc -vV | sed -n 's/^host: //p')
llvm=${LLVM_BIN:-$(rustc --print sysroot)/lib/rustlib/$host/bin}
mkdir -p "$dir/profiles"
cd "$root"

cc -O -DPATTERN="\"$dir/profiles/%m%c.profraw\"" -c tests/coverage/name.c -o "$dir/name.o"
cat > "$dir/wrapper" <<END
#!/bin/sh
exec "\$@" -C instrument-coverage -C llvm-args=-runtime-counter-relocation -C link-arg=$dir/name.o
END
chmod +x "$dir/wrapper"
export RUSTC_WORKSPACE_WRAPPER="$dir/wrapper" CARGO_TARGET_DIR="$dir/target" CARGO_INCREMENTAL=0

what=${1:-}
[ $# -eq 0 ] || shift
case $what in
build)
    cargo test --profile dev --no-run "$@"
    cargo test --profile dev --no-run --message-format=json 2> "$dir/build.log" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | sort -u > "$dir/programs"
    ;;
test)
    cargo test --profile dev "$@"
    ;;
report)
    "$llvm/llvm-profdata" merge -sparse "$dir"/profiles/*.profraw -o "$dir/all.profdata"
    # One argument each: no path here has a blank in it.
    "$llvm/llvm-cov" export $(sed 's/^/-object /' "$dir/programs") -instr-profile="$dir/all.profdata" \
        -format=lcov --ignore-filename-regex='/(registry|rustc)/' > "$dir/all.lcov"
    python3 tests/coverage/report.py "$dir/all.lcov" "$root" "$@"
    ;;
reset)
    rm -f "$dir"/profiles/*
    ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' tests/coverage/run.sh
    exit 2
    ;;
esac
