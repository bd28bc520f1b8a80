// Zipfs shows a zip archive as a directory: highlevel.FromFS, and a command line around it.
//
//	zipfs [options] archive.zip mountpoint
//
// It goes to the background, and ends when it is unmounted:
//
//	zipfs photos.zip /tmp/mnt
//	ls -l /tmp/mnt
//	fusermount3 -u /tmp/mnt
//
// Options are those of every filesystem (zipfs -h); -f keeps it in the foreground, -o allow_other lets other users in, and -o entry_timeout= and the like say how long the
// kernel may remember what it has seen: for ever, if nothing is said.
//
// Files, directories, symbolic links, permissions and times are shown as they are in the archive. All of it belongs to the user who mounts it. What is stored without
// compression can be read from anywhere in the file at once; to go back in a compressed one is to uncompress it from its beginning. Encrypted files, and such as are compressed by
// another method than deflate, are shown but cannot be opened (EOPNOTSUPP). The archive must not be changed while it is mounted; it can be removed or replaced by another.
package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/highlevel"
	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

const usage = "usage: %s [options] <archive.zip> <mountpoint>\n"

const help = `
File-system specific options:
    --archive=FILE         the archive, if it does not stand before the mountpoint
`

type options struct {
	Archive string `fuse:"--archive=%s"`
}

func main() { os.Exit(run(os.Args)) }

func run(args []string) int {
	if slices.Contains(args, "-h") || slices.Contains(args, "--help") {
		fmt.Printf(usage+"\n", args[0])
		fmt.Println(help[1:])
		highlevel.PrintHelp()
		return 0
	}
	var o options
	ops := new(highlevel.Operations)
	return highlevel.Main(&highlevel.Program{
		Args:    withArchive(args),
		Options: &o,
		Ops:     ops,
		Setup: func(cl *lowlevel.Cmdline) error {
			archive, err := openArchive(o.Archive)
			if err != nil {
				return fmt.Errorf("zipfs: %w", err)
			}
			*ops = *highlevel.FromFS(archive)
			// Before the user's own: the last one counts.
			cl.Args = slices.Insert(cl.Args, 1, "-oro", "-ofsname="+escape(o.Archive))
			return nil
		},
	})
}

// withArchive makes the first of two arguments that are no options --archive=FILE, which libfuse's parser can take.
func withArchive(args []string) []string {
	first, count := 0, 0
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-o":
			i++ // its value
		case !strings.HasPrefix(args[i], "-"):
			if count == 0 {
				first = i
			}
			count++
		}
	}
	if count < 2 {
		return args
	}
	args = slices.Clone(args)
	args[first] = "--archive=" + args[first]
	return args
}

// escape protects a value against -o's own syntax.
func escape(value string) string { return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(value) }

// openArchive says what to do where it cannot.
func openArchive(name string) (*archive, error) {
	if name == "" {
		return nil, fmt.Errorf("which archive? "+strings.TrimSpace(usage), "zipfs")
	}
	a, err := newArchive(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: give the path of a zip archive before the mountpoint", err)
	case errors.Is(err, zip.ErrFormat):
		return nil, fmt.Errorf("%s: %w: look at it with `file`, and if it is cut off repair it with `zip -FF`", name, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if a.unreadable > 0 {
		fmt.Fprintf(os.Stderr, "zipfs: %d of %d files can be seen, but not read: they are encrypted, or not compressed by deflate; `unzip` or `7z` may know how\n", a.unreadable, len(a.File))
	}
	return a, nil
}
