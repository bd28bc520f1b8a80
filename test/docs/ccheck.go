package docs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// headers are those that C blocks may take for granted.
const headers = `#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>
`

// fuseHeaders are libfuse's.
const fuseHeaders = `#define FUSE_USE_VERSION 312
#include <fuse.h>
#include <fuse_lowlevel.h>
#include <fuse_log.h>
`

// cChecker compiles C blocks.
type cChecker struct{ command []string }

func newCChecker() (*cChecker, error) {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	flags, err := exec.Command("pkg-config", "--cflags", "fuse3").Output()
	if err != nil {
		return nil, fmt.Errorf("pkg-config --cflags fuse3: %w", err)
	}
	command := []string{cc, "-fsyntax-only", "-std=gnu11", "-Wall", "-Werror", "-Wno-unused", "-D_FILE_OFFSET_BITS=64", "-I../../cshim"}
	return &cChecker{append(append(command, strings.Fields(string(flags))...), "-x", "c", "-")}, nil
}

// check returns what the compiler has to say of a block, but for what is not used.
func (c *cChecker) check(b block) []error {
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Stdin = strings.NewReader(source(b))
	if out, err := cmd.CombinedOutput(); err != nil {
		return []error{fmt.Errorf("%w\n%s", err, out)}
	}
	return nil
}

// source returns what the compiler gets.
func source(b block) string {
	head := b.info
	text := headers
	if rest, ok := strings.CutPrefix(head, "fuse2"); ok {
		head = strings.TrimSpace(rest)
	} else {
		text += fuseHeaders
	}
	text += strings.Join(b.with, "") + "\n"
	code := lineDirective("c", b.page, b.line) + b.text
	if head == "" {
		return text + code
	}
	return text + head + "\n{\n" + code + "\n}\n"
}
