#!/bin/bash
# Compiles the shim's C files with every warning an error, and with gcc's static analyzer. Users' builds get none of these flags.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../cshim"

objdir=$(mktemp -d)
trap 'rm -rf "$objdir"' EXIT

read -ra cc <<<"$(go env CC)"
read -ra flags <<<"$(go list -f '{{join .CgoCFLAGS " "}}' .) $(pkg-config --cflags fuse3)"
read -ra gofiles <<<"$(go list -f '{{join .CgoFiles " "}}' .)"
read -ra cfiles <<<"$(go list -f '{{join .CFiles " "}}' .)"

# For _cgo_export.h, which the C files include.
go tool cgo -objdir "$objdir" -- "${flags[@]}" -I. "${gofiles[@]}"

warnings=(-O2 -Wall -Wextra -Werror)
if "${cc[@]}" --version | grep -qi 'gcc\|free software foundation'; then
	warnings+=(-fanalyzer)
fi
status=0
for f in "${cfiles[@]}"; do
	"${cc[@]}" "${flags[@]}" "${warnings[@]}" -I. -I"$objdir" -c "$f" -o "$objdir/lint.o" || status=1
done
exit "$status"
