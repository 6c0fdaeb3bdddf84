#!/usr/bin/env bash
# tidy.sh [FILE...] | tidy.sh --since COMMIT: clang-tidy, as .clang-tidy says, over the files given, those
# changed since COMMIT, or all rooms. Uses the compile database of BUILD (build/dev); a file that is in no
# target is skipped. One process a core.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build/dev}
if [ "${1:-}" = --since ]; then
  mapfile -t files < <(git diff --name-only --diff-filter=d "${2:?which commit?}" -- '*.c')
elif [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files '*.c' | grep -v '^tests/\|^bench/')
fi
[ ${#files[@]} -gt 0 ] || { echo "tidy: nothing to look at"; exit 0; }
known=()
for file in "${files[@]}"; do
  if grep -q "/$file\"" "$build/compile_commands.json"; then known+=("$file"); fi
done
# gcc's own flags mean nothing to it; a warning of the compiler is the build's business
printf '%s\0' "${known[@]}" |
  xargs -0 -P "$(nproc)" -n 2 clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option 2>&1 |
  grep -v 'warnings generated\|warnings treated as errors\|Suppressed\|Use -header-filter' || true
[ "${PIPESTATUS[1]}" = 0 ] && echo "tidy: ${#known[@]} files clean"
