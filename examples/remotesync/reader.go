package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// The reader reads the whole tree again and again, as some program would to whom it is just files. It is a process of its own: a Go program must
// not open files of its own mount.

// readerCommand as first argument makes this program the reader of the directory that follows.
const readerCommand = "--reader"

// readerPause is between two rounds.
const readerPause = 50 * time.Millisecond

// readTree is the reader: it prints, for each file that it has read, when it began to and when the content was written.
func readTree(dir string) {
	out := bufio.NewWriter(os.Stdout)
	for {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // gone while we looked: it happens
			}
			began := time.Now()
			data, err := os.ReadFile(path)
			stamp, _, ok := bytes.Cut(data, []byte(" "))
			if err == nil && ok {
				fmt.Fprintf(out, "%d %d %s\n", fileNumber(data), began.UnixNano(), stamp)
			}
			return nil
		})
		if out.Flush() != nil {
			return // nobody listens any more
		}
		time.Sleep(readerPause)
	}
}

// fileNumber finds the number in a file's content.
func fileNumber(data []byte) (id uint64) {
	_, _ = fmt.Sscanf(string(data[:min(len(data), 100)]), "%d is when file %d", new(int64), &id)
	return id
}

// startReader runs a reader of dir until ctx ends, and gives what it reads to h.
func startReader(ctx context.Context, dir string, h *history, stale *delays) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", readerCommand, dir)
	cmd.Args[0] = os.Args[0]
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		check(out, h, stale)
		_ = cmd.Wait() // killed by ctx
	}()
	return nil
}

// check compares what a reader has read with what was there when it began to.
func check(out io.Reader, h *history, stale *delays) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var id uint64
		var began, stamp int64
		if _, err := fmt.Sscan(lines.Text(), &id, &began, &stamp); err == nil {
			stale.add(h.age(id, stamp, time.Unix(0, began)))
		}
	}
}

// stampOf is the time that a content begins with.
func stampOf(data []byte) int64 {
	word, _, _ := bytes.Cut(data, []byte(" "))
	stamp, _ := strconv.ParseInt(string(word), 10, 64)
	return stamp
}
