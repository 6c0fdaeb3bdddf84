#!/usr/bin/env bash
# run.sh [PATTERN]: builds and runs everything that proves the program works, and ends with
# "N passed, N failed". A suite that passed is not run again until a file changes: its result is
# kept in build/passed under the hash of all sources. With PATTERN: the unit, golden, replay, fault, corpus and
# e2e tests whose names match it, always run.
set -uo pipefail
cd "$(dirname "$0")/.."
pattern=${1:-}
passed=0 failed=0
mkdir -p build/passed build/logs
# Names and contents of all sources, tracked or new; git is there: the clone came by it.
sources=$(git ls-files -co --exclude-standard -z | sort -z | xargs -0 sha256sum 2>/dev/null | sha256sum | cut -c1-16)

say() { printf '== %s\n' "$*"; }

# suite NAME COMMAND...: runs it with its output in a log; the command prints "COUNT good bad" last.
suite() {
  local name=$1 log=build/logs/$1.log mark=build/passed/$1-$sources good bad start=$SECONDS
  shift
  if [ -z "$pattern" ] && [ -f "$mark" ]; then
    good=$(cat "$mark"); passed=$((passed + good))
    say "$name: $good passed (nothing changed since $(date -r "$mark" +%H:%M))"
    return
  fi
  "$@" >"$log" 2>&1
  read -r good bad < <(sed -n 's/^COUNT \([0-9]*\) \([0-9]*\)$/\1 \2/p' "$log" | tail -1)
  good=${good:-0} bad=${bad:-1}
  passed=$((passed + good)) failed=$((failed + bad))
  say "$name: $good passed, $bad failed ($((SECONDS - start)) s)"
  if [ "$bad" = 0 ]; then
    [ -n "$pattern" ] || echo "$good" >"$mark"
  else
    grep -v '^COUNT' "$log" | tail -60
  fi
}

build() {
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" || { echo "COUNT 0 1"; return 1; }
  cmake --build --preset "$1" -- --quiet || { echo "COUNT 0 1"; return 1; }
}

# Nothing was run: fine when a pattern chose so, else something is broken.
count_nothing() { if [ -n "$pattern" ]; then echo "COUNT 0 0"; else echo "COUNT 0 1"; fi; }

# ctest sums up as "90% tests passed, 1 tests failed out of 10".
run_ctest() {
  local preset=$1 out; shift
  build "$preset" || return
  out=$(ctest --test-dir "build/$preset" --output-on-failure --no-tests=ignore -j2 ${pattern:+-R "$pattern"} "$@" 2>&1)
  printf '%s\n' "$out"
  printf '%s\n' "$out" | sed -n 's/.*% tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' |
    { read -r bad total && echo "COUNT $((total - bad)) $bad" || count_nothing; }
}

run_e2e() {
  build "$1" || return
  SPANBRIDGE=$PWD/build/$1/spanbridge build/venv/bin/python -m pytest tests/e2e -q --maxfail=5 ${pattern:+-k "$pattern"} \
    --junit-xml="build/logs/e2e-$1.xml" -p no:cacheprovider
  [ $? != 5 ] || { count_nothing; return; } # no test was found
  build/venv/bin/python - "build/logs/e2e-$1.xml" <<'PY'
import sys, xml.etree.ElementTree as tree
try:
    suite = next(tree.parse(sys.argv[1]).iter("testsuite")).attrib
    bad = int(suite["failures"]) + int(suite["errors"])
    print("COUNT", int(suite["tests"]) - bad - int(suite["skipped"]), bad)
except (OSError, tree.ParseError, StopIteration):
    print("COUNT 0 1")
PY
}

run_lint() {
  build dev || return
  if tests/lint/run.sh; then echo "COUNT 1 0"; else echo "COUNT 0 1"; fi
}

run_tidy() {
  build dev || return
  if tests/lint/tidy.sh; then echo "COUNT 1 0"; else echo "COUNT 0 1"; fi
}

# A few seconds of each target from its seeds, in the same order each time: long enough to catch what a change broke
# at once. What nobody has found yet is for ./dev fuzz.
run_fuzz_smoke() {
  build fuzz || return
  local good=0 bad=0
  for file in tests/fuzz/*_fuzz.c; do
    local target; target=$(basename "$file" _fuzz.c)
    if tests/fuzz/run.sh "$target" 5 1; then good=$((good + 1)); else bad=$((bad + 1)); echo "fuzz target $target failed"; fi
  done
  echo "COUNT $good $bad"
}

suite dev run_ctest dev
suite e2e run_e2e release
if [ -z "$pattern" ]; then
  suite lint run_lint
  suite asan run_ctest asan
  suite e2e-asan run_e2e asan
  TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=1" suite tsan run_ctest tsan -L threads
  suite fuzz-smoke run_fuzz_smoke
  suite tidy run_tidy
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
