#!/bin/sh
# Runs fuzz targets from the seeds of the tests: fuzz/run.sh [SECONDS [TARGET...]]
# Needs cargo-fuzz and a nightly toolchain (or RUSTC_BOOTSTRAP=1 and TOOLCHAIN=+stable).
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-300}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- state config router protocol framing redaction workstream verdict
export ORCHESTRATOR_FUZZ_CORPUS="$PWD/fuzz/corpus"
cargo test --test fuzz the_seeds_are_written
for target in "$@"; do
    echo "== $target, $seconds s"
    cargo ${TOOLCHAIN:-+nightly} fuzz run "$target" --sanitizer none -- -max_total_time="$seconds" \
        -timeout=25 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -dict="$ORCHESTRATOR_FUZZ_CORPUS/$target.dict"
done
