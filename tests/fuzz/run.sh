#!/usr/bin/env bash
# run.sh TARGET SECONDS [SEED]: runs one fuzz target of the fuzz preset from its seeds. What it finds new goes to
# build/corpus/TARGET; an input that fails is written to build/crashes and named on the last lines.
set -eu
cd "$(dirname "$0")/../.."
target=$1 seconds=$2 seed=${3:-0} # 0: another one each time
mkdir -p "build/corpus/$target" build/crashes
exec "build/fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -seed="$seed" -timeout=5 -rss_limit_mb=2048 -max_len=65536 \
  -print_final_stats=0 -verbosity=0 -artifact_prefix=build/crashes/ "build/corpus/$target" "tests/fuzz/corpus/$target"
