package highlevel

import (
	"context"
	"errors"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

func iconvModule(args []string) (Layer, []string, error) {
	var o struct {
		From string `fuse:"from_code=%s"`
		To   string `fuse:"to_code=%s"`
	}
	rest, err := lowlevel.ParseOptions(args, &o)
	if err != nil {
		return nil, nil, err
	}
	layer, err := Iconv(o.From, o.To)
	return layer, rest, err
}

var _ = context.Background
var errX = errors.New

// Iconv placeholder
func Iconv(from, to string) (Layer, error) { return nil, errX("todo") }
