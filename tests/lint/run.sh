#!/usr/bin/env bash
# run.sh [BUILD]: everything that can be said about the sources without running them, clang-tidy
# apart (tidy.sh: minutes). Prints file:line: what is wrong, and exits 1. BUILD: build/dev, built.
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/dev}
failed=0

check() {
  local name=$1; shift
  "$@" || { echo "== $name: not clean"; failed=1; }
}

sources() { git ls-files -z -co --exclude-standard '*.c' '*.h'; }

formatted() { sources | xargs -0 clang-format --dry-run -Werror 2>&1 | grep -v '^ '; [ "${PIPESTATUS[1]}" = 0 ]; }

# One process a core; what did not change is remembered in the build folder.
cppcheck_rooms() {
  mkdir -p "$build/cppcheck"
  cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet \
    --template='{file}:{line}: {severity}: {message} [{id}]' -j "$(nproc)" --cppcheck-build-dir="$build/cppcheck" \
    -I . -D_GNU_SOURCE -D__x86_64__ -D__SSE2__ '-DSPANBRIDGE_VERSION=""' \
    core config net aws proto xray translate queue local receiver exporter daemon 2>&1
}

check "rules of the house" python3 tests/lint/rules.py "$build"
check "clang-format" formatted
check "cppcheck" cppcheck_rooms
[ $failed = 0 ] && echo "lint: clean"
exit $failed
