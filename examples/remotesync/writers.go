package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	directories  = 8
	filesPerDir  = 64
	contentLines = 200
)

// fill makes the tree that the writers change.
func fill(r *remote) {
	for d := range directories {
		dir := r.create(rootID, fmt.Sprintf("dir%d", d), nil)
		for f := range filesPerDir {
			id := r.create(dir, fmt.Sprintf("file%02d", f), []byte{})
			r.write(id, content(id, time.Now()))
		}
	}
}

// content is what a writer writes. Its first word tells when: so a reader knows how old it is.
func content(id uint64, now time.Time) []byte {
	line := fmt.Sprintf("%d is when file %d was written\n", now.UnixNano(), id)
	return []byte(strings.Repeat(line, 1+rand.IntN(contentLines)))
}

// change changes the tree until ctx ends: several writers, each makes one change an interval.
func change(ctx context.Context, r *remote, writers int, interval time.Duration) {
	for range writers {
		go func() {
			tick := time.NewTicker(interval)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					changeOne(r)
				case <-ctx.Done():
					return
				}
			}
		}()
	}
}

// changeOne makes one change: mostly another content.
func changeOne(r *remote) {
	dir := pick(r, rootID)
	file := pick(r, dir)
	switch rand.IntN(20) {
	case 0:
		id := r.create(dir, fmt.Sprintf("file%02d", rand.IntN(2*filesPerDir)), []byte{})
		r.write(id, content(id, time.Now()))
	case 1:
		r.remove(file)
	case 2:
		r.rename(file, pick(r, rootID), fmt.Sprintf("file%02d", rand.IntN(2*filesPerDir)))
	case 3:
		r.chmod(file, 0o600+uint32(rand.IntN(0o100)))
	default:
		r.write(file, content(file, time.Now()))
	}
}

// pick returns one of the entries of a directory; 0 where there is none.
func pick(r *remote, dir uint64) uint64 {
	d, err := r.get(dir)
	if err != nil || len(d.children) == 0 {
		return 0
	}
	n := rand.IntN(len(d.children))
	for _, id := range d.children {
		if n == 0 {
			return id
		}
		n--
	}
	return 0
}
