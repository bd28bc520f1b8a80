#!/bin/bash
# Runs the tests in the root directories of other Debian releases, with their libfuse: compat.sh trixie forky
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -gt 0 ] || {
	echo "usage: compat.sh SUITE..." >&2
	exit 1
}
export TESTFLAGS="${TESTFLAGS:--count=1 -timeout 30m}" # Go's build cache is empty in a new root, and tests compile programs
read -ra targets <<<"${COMPAT_TARGETS:-unit integration static}"
failed=()
for suite in "$@"; do
	scripts/in-root.sh -p make "$suite" make --no-print-directory --keep-going deps "${targets[@]}" || failed+=("$suite")
done
if [ ${#failed[@]} -gt 0 ]; then
	echo "compat: failed: ${failed[*]}" >&2
	exit 1
fi
echo "compat: passed: $*"
