package main

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror/mirrortest"
)

// hold has a client hold a lock in the background until fd 9 is closed: hold FILE START LENGTH.
const hold = `
	hold() { mkfifo /tmp/hold.$$; "$CLIENT" client lock "$@" wait < /tmp/hold.$$ > /tmp/held.$$ & exec 9> /tmp/hold.$$
		until grep -qs locked /tmp/held.$$; do :; done; rm /tmp/hold.$$ /tmp/held.$$; }
	try() { "$CLIENT" client lock "$@" try < /dev/null; }
`

// A lock counts for those who do not come through the mount, and theirs count here.
func TestFlock_CountsBelow(t *testing.T) {
	m := mirrortest.Mount(t)
	m.Want("busy busy free", `touch f; exec 3<$M/f 4<$S/f
		echo $(flock 3; flock -n 4 || echo busy; flock -u 3; flock 4; flock -n 3 || echo busy; flock -u 4; flock -n 3 && echo free)`)
	m.Want("waited", `exec 3<$M/f 4<$M/f; flock 3; (flock 4; echo waited) & flock -u 3; wait`)
}

func TestLocks_CountBelow(t *testing.T) {
	for _, from := range []string{"$M", "$S"} {
		m := mirrortest.Mount(t, "--locks")
		m.Want("resource temporarily unavailable\nlocked\nlocked", hold+`truncate -s 100 f
			hold `+from+`/f 10 20
			for d in $M $S; do [ $d = `+from+` ] || { try $d/f 15 1 || true; try $d/f 30 0; }; done
			exec 9>&-; wait; try $M/f 0 0`)
		m.Want("resource temporarily unavailable\nlocked\nlocked", hold+`hold $M/f 10 20
			try $M/f 15 1 || true; try $M/f 0 10; exec 9>&-; wait; try $M/f 0 0`)
	}
}

// Who waits for a lock gets it, and can be killed.
func TestLocks_Wait(t *testing.T) {
	m := mirrortest.Mount(t, "--locks")
	m.Want("locked\nlocked", hold+`truncate -s 100 f; hold $M/f 0 0
		"$CLIENT" client lock $M/f 0 1 wait < /dev/null 9>&- & w=$!
		"$CLIENT" client lock $M/f 5 1 wait < /dev/null 9>&- & k=$!
		kill -9 $k; wait $k 2> /dev/null || true
		exec 9>&-; wait $w; try $M/f 0 0`)
	m.Run(`rm f; ls -A $S`)
}

// A lock ends with its holder, however that ends, and with the first close of the file.
func TestLocks_End(t *testing.T) {
	m := mirrortest.Mount(t, "--locks")
	m.Want("resource temporarily unavailable\nlocked", hold+`truncate -s 100 f; hold $M/f 0 0; h=$!
		try $S/f 0 0 || true; kill -9 $h; wait $h 2> /dev/null || true; exec 9>&-; try $S/f 0 0`)
	m.Want("locked", hold+`mkfifo /tmp/reopen.$$; "$CLIENT" client lock $M/f 0 0 reopen < /tmp/reopen.$$ > /tmp/reopened.$$ & exec 9> /tmp/reopen.$$
		until grep -q locked /tmp/reopened.$$; do :; done; rm /tmp/reopen.$$ /tmp/reopened.$$; try $S/f 0 0; exec 9>&-; wait`)
}

// Without --locks they are the kernel's, for the mount only.
func TestLocks_NotBelowWithoutOption(t *testing.T) {
	m := mirrortest.Mount(t)
	m.Want("locked\nresource temporarily unavailable", hold+`truncate -s 100 f; hold $M/f 0 0; try $S/f 0 0; try $M/f 0 0 || true; exec 9>&-; wait`)
}
