package highlevel

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Subdir is a layer that shows a directory of the filesystem below as its root: libfuse's module subdir. With relLinks, absolute targets of symbolic links that lead into that
// directory become relative ones.
func Subdir(dir string, relLinks bool) Layer {
	dir = strings.TrimRight(path.Clean("/"+dir), "/")
	return func(next *Operations) (*Operations, error) {
		ops := mapPaths(next, func(p string) (string, error) {
			if p == "/" {
				return dir + "/", nil
			}
			return dir + p, nil
		})
		if relLinks && next.Readlink != nil {
			ops.Readlink = func(ctx context.Context, p string) (string, error) {
				target, err := next.Readlink(ctx, dir+p)
				if err != nil {
					return "", err
				}
				return relativeTo(dir, p, target), nil
			}
		}
		return ops, nil
	}
}

// relativeTo makes the target of the link p relative, if it lies in dir.
func relativeTo(dir, p, target string) string {
	below, ok := strings.CutPrefix(target, dir)
	if !ok || !strings.HasPrefix(target, "/") || below != "" && below[0] != '/' {
		return target
	}
	up := strings.Count(path.Dir(p), "/")
	if path.Dir(p) == "/" {
		up = 0
	}
	rel := strings.Repeat("../", up) + strings.TrimLeft(below, "/")
	if rel == "" {
		return "."
	}
	return rel
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
		return nil, nil, errors.New("option subdir= is missing")
	}
	if !path.IsAbs(o.Dir) {
		return nil, nil, errors.New("subdir= must be an absolute path")
	}
	return Subdir(o.Dir, o.RelLinks), rest, nil
}
