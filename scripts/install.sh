#!/bin/sh
# Installs what C programs need, or removes it again, for make: install.sh install|uninstall. Everything else is in the environment.
set -eu
cd "$(dirname "$0")/.."

bin=$DESTDIR$BINDIR
include=$DESTDIR$INCLUDEDIR
lib=$DESTDIR$LIBDIR
pkgconfig=$DESTDIR$PKGCONFIGDIR
script=$bin/go-libfuse3-build
header=$include/go-libfuse3.h
pc=$pkgconfig/go-libfuse3.pc
library=$lib/libgo-libfuse3

if [ "$1" = uninstall ]; then
	rm -f "$script" "$header" "$pc" "$library.a" "$library.so"
	exit
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
scripts/go-libfuse3-build -o "$tmp" -n go-libfuse3 "$GO_FILESYSTEMS"
sed -e "s|@PREFIX@|$PREFIX|; s|@LIBDIR@|$LIBDIR|; s|@INCLUDEDIR@|$INCLUDEDIR|; s|@VERSION@|$VERSION|" scripts/go-libfuse3.pc.in >"$tmp/go-libfuse3.pc"
install -d "$bin" "$include" "$lib" "$pkgconfig"
install -m 755 scripts/go-libfuse3-build "$script"
install -m 644 cshim/go-libfuse3.h "$header"
install -m 644 "$tmp/go-libfuse3.pc" "$pc"
install -m 644 "$tmp/libgo-libfuse3.a" "$library.a"
install -m 755 "$tmp/libgo-libfuse3.so" "$library.so"
if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ]; then
	ldconfig 2>/dev/null || true # so that the shared library is found
fi
