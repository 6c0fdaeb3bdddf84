#!/usr/bin/env bash
# tidy.sh [FILE...] | tidy.sh --since COMMIT: clang-tidy, as .clang-tidy says, over the files given, those
# changed since COMMIT, or all rooms. Uses the compile database of BUILD (build/dev); a file that is in no
# target is skipped. One process a core.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${BUILD:-build/dev}
[ -f "$build/compile_commands.json" ] || { echo "tidy: $build is not configured: ./dev build dev"; exit 1; }
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
# One file a run: in the second one clang 14 takes va_start for a forgotten one (valist.Uninitialized).
[ ${#known[@]} -gt 0 ] || { echo "tidy: none of them is built"; exit 0; }
set +e
printf '%s\0' "${known[@]}" |
  xargs -0 -P "$(nproc)" -n 1 clang-tidy -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option 2>&1 |
  grep -v 'warnings generated\|warning generated\|warnings treated as errors\|Suppressed\|Use -header-filter'
status=${PIPESTATUS[1]}
[ "$status" = 0 ] && echo "tidy: ${#known[@]} files clean"
exit "$status"
