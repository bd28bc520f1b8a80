#!/bin/bash
# Builds libfuse3 for musl, and with musl-gcc runs the tests that need neither root nor /dev/fuse, and those of an example, mounted: linked dynamically,
# then statically. It takes musl-tools, meson, ninja-build, dpkg-dev and the source package fuse3 (Debian; docs/building.md).
#
#   musl.sh [FLAG OF GO TEST...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prefix=${MUSL_PREFIX:-$HOME/.cache/go-libfuse3/musl}
multiarch=$(gcc -print-multiarch)

# musl-gcc knows musl's headers alone; the kernel's come beside them.
kernel_headers() {
	mkdir -p "$prefix/kernel"
	ln -sfn /usr/include/linux "$prefix/kernel/linux"
	ln -sfn /usr/include/asm-generic "$prefix/kernel/asm-generic"
	ln -sfn "/usr/include/$multiarch/asm" "$prefix/kernel/asm"
}

build_libfuse() (
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	cd "$dir"
	apt-get source -q fuse3
	meson setup --prefix "$prefix" --libdir lib --buildtype release --default-library both \
		-Dutils=false -Dexamples=false -Dtests=false build fuse3-*/
	ninja -C build install
)

kernel_headers
export CC="musl-gcc -isystem $prefix/kernel"
if [ ! -e "$prefix/lib/libfuse3.a" ]; then
	build_libfuse >"$prefix/build.log" 2>&1 || {
		tail -n 20 "$prefix/build.log" >&2
		exit 1
	}
fi
export CGO_ENABLED=1 PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig

# What musl's iconv(3) is without: encodings that it only decodes, and locales that there are not.
skip='^(TestIconv_Paths|TestIconv_DefaultsAreUTF8AndTheLocale)$'

run_tests() {
	go test "${@:--count=1}" -skip "$skip" ./cshim/... ./lowlevel/... ./highlevel/... ./test/fusetest/...
	go test "${@:--count=1}" -run TestHello_ ./examples/hello_ll
}

program=$(mktemp)
trap 'rm -f "$program"' EXIT

# interpreter prints the dynamic loader that an example wants.
interpreter() {
	go build -o "$program" ./examples/hello_ll
	readelf --program-headers "$program" | sed -n 's/.*interpreter: \(.*\)]/\1/p'
}

echo "musl: linked dynamically"
export CGO_LDFLAGS="-O2 -g -Wl,-rpath,$prefix/lib"
[[ $(interpreter) = */ld-musl-* ]]
run_tests "$@"

echo "musl: linked statically"
unset CGO_LDFLAGS
export GOFLAGS="${GOFLAGS:-} '-ldflags=-linkmode external -extldflags -static'"
[ -z "$(interpreter)" ]
run_tests "$@"
go test "${@:--count=1}" -run 'TestUser_|TestBackground_' ./test/integration
