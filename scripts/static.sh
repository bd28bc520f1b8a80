#!/bin/bash
# Links examples statically, libfuse3.a and libc included, and runs their tests: mounted as root, from fstab, and as a normal user through
# fusermount3. See docs/building.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

give_up() {
	echo "static: $*: not run" >&2
	if [ "${FUSE_TEST_REQUIRE:-}" = 1 ]; then exit 1; fi
	exit 0
}

read -ra cc <<<"$(go env CC)"
for lib in libfuse3.a libc.a; do
	read -ra dirs <<<"$(pkg-config --libs-only-L fuse3)"
	[ -e "$("${cc[@]}" "${dirs[@]}" -print-file-name=$lib)" ] || give_up "there is no $lib"
done

# netgo, osusergo: what Go does itself instead of by glibc, which would load shared libraries for it.
export GOFLAGS="${GOFLAGS:-} -tags=netgo,osusergo '-ldflags=-linkmode external -extldflags -static'"

program=$(mktemp)
trap 'rm -f "$program"' EXIT
warnings=$(go build -o "$program" ./examples/hello_ll 2>&1 | sed -n "s/.*warning: Using '\([a-z]*\)' in statically linked.*/\1/p" | sort -u)
if readelf --program-headers "$program" | grep -q INTERP; then
	echo "static: the program wants a dynamic loader" >&2
	exit 1
fi
# dlopen is for libfuse's own modules, which nobody asks for here. musl's linker has nothing to say.
if [ -n "${warnings/#dlopen/}" ]; then
	echo "static: glibc will load shared libraries for: $warnings" >&2
	exit 1
fi
go test "${@:--count=1}" ./examples/hello_ll ./examples/hello
go test "${@:--count=1}" -run 'TestUser_|TestFstab_|TestDropPrivileges_|TestBackground' ./test/integration
