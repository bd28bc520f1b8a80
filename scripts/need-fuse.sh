#!/bin/sh
# Fails with a message that helps where filesystems cannot be mounted.
set -eu

die() {
	echo "$*" >&2
	exit 1
}

dev=${FUSE_DEV:-/dev/fuse}
if [ ! -e "$dev" ] && [ "$(id -u)" = 0 ]; then
	modprobe fuse 2>/dev/null || true
fi
[ -e "$dev" ] || die "$dev: not there: load the kernel module (modprobe fuse), or in a container pass it on
(docker run --device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined ...)"
[ -c "$dev" ] || die "$dev: not a device"
(: <>"$dev") 2>/dev/null || die "$dev: may not be opened: in a container pass it on with --device $dev; else see its permissions"
