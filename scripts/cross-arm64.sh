#!/bin/bash
# Builds everything for arm64 on another machine and runs by qemu the tests that need neither root nor /dev/fuse, and those of one example, mounted.
# It takes gcc-aarch64-linux-gnu, libfuse3-dev:arm64 and qemu-user-static (Debian; docs/building.md), and Linux 6.7.
#
#   cross-arm64.sh [FLAG OF GO TEST...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

triplet=aarch64-linux-gnu
export GOARCH=arm64 CGO_ENABLED=1 CC=$triplet-gcc PKG_CONFIG_LIBDIR=/usr/lib/$triplet/pkgconfig:/usr/share/pkgconfig

# with_qemu runs a command where the kernel starts arm64 programs by qemu. That is so in a user namespace of its own, and nowhere else on the machine. The
# flags: P for argv[0] to stay what it is, F for an interpreter that is found wherever a program changes its root directory to.
with_qemu() {
	# shellcheck disable=SC2016 # for the inner shell
	QEMU=$(command -v qemu-aarch64-static) unshare --user --map-root-user --mount bash -euo pipefail -c '
		mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc || { echo "cross-arm64: this takes Linux 6.7" >&2; exit 1; }
		printf %s ":arm64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:$QEMU:PF" >/proc/sys/fs/binfmt_misc/register
		exec "$@"' - "$@"
}

# What qemu cannot pass: /proc shows it before the program's name, and what takes how long says nothing.
skip='^(TestMain_BackgroundEndsOnlyWhenMounted|TestScale_.*)$'

go build ./...
go vet ./...
with_qemu go test "${@:--count=1}" -skip "$skip" ./cshim/... ./lowlevel/... ./highlevel/... ./test/fusetest/...
with_qemu go test "${@:--count=1}" -run TestHello_ ./examples/hello_ll
