#!/bin/bash
# Runs go test -asan with the given arguments, where the compiler has the address sanitizer.
set -euo pipefail

read -ra cc <<<"$(go env CC)"
probe=$(mktemp)
trap 'rm -f "$probe"' EXIT
if ! echo 'int main(void) { return 0; }' | "${cc[@]}" -fsanitize=address -x c - -o "$probe" 2>/dev/null; then
	echo "asan: ${cc[*]} has no address sanitizer here: not run" >&2
	if [ "${FUSE_TEST_REQUIRE:-}" = 1 ]; then exit 1; fi
	exit 0
fi
# libfuse does not free what it keeps of a retrieve that was never answered.
suppressions=$(mktemp)
trap 'rm -f "$probe" "$suppressions"' EXIT
echo leak:fuse_lowlevel_notify_retrieve >"$suppressions"
LSAN_OPTIONS="suppressions=$suppressions:print_suppressions=0" go test -asan "$@"
