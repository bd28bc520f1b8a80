package highlevel

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Subdir is a layer that shows a directory of the filesystem below as its root: libfuse's module subdir. The path of the root is dir with a slash behind it, as in C, so that dir
// may be a symbolic link. A dir without a slash in front begins at the root, too.
//
// With relLinks, targets of symbolic links that are absolute and lead into that directory are shown as relative ones.
func Subdir(dir string, relLinks bool) Layer {
	base := "/" + strings.TrimLeft(dir, "/")
	if !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return func(next *Operations) (*Operations, error) {
		ops := MapPaths(next, func(path string) (string, error) { return base + strings.TrimPrefix(path, "/"), nil })
		if readlink := ops.Readlink; relLinks && readlink != nil {
			ops.Readlink = func(ctx context.Context, path string) (string, error) {
				target, err := readlink(ctx, path)
				return relativeLink(base, path, target), err
			}
		}
		return ops, nil
	}
}

// relativeLink makes the target of the link at path relative, if it lies in base. Of one that has ".." in it nobody knows where it leads: C makes some of those
// relative, and they lead elsewhere then.
func relativeLink(base, path, target string) string {
	if !strings.HasPrefix(target, "/") {
		return target
	}
	from, to := names(base+path), names(target)
	common := 0
	for common < min(len(from), len(to)) && from[common] == to[common] {
		common++
	}
	up := len(from) - 1 - common // from the directory of the link
	if common < len(names(base)) || up < 0 || slices.Contains(to[common:], "..") {
		return target
	}
	rel := strings.Repeat("../", up) + strings.Join(to[common:], "/")
	if rel == "" {
		return "."
	}
	if common < len(to) && strings.HasSuffix(target, "/") {
		rel += "/"
	}
	return rel
}

func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func subdirModule(args []string) (Layer, []string, error) {
	var o struct {
		Dir      string `fuse:"subdir=%s"`
		RelLinks bool   `fuse:"rellinks:1,norellinks:0"`
	}
	rest, err := lowlevel.ParseOptions(args, &o)
	if err != nil {
		return nil, nil, err
	}
	if o.Dir == "" {
		return nil, nil, errors.New("missing 'subdir' option")
	}
	return Subdir(o.Dir, o.RelLinks), rest, nil
}
