package highlevel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Layer is a filesystem over another one: it returns operations that call those of next, changed as it likes. A member that it does not set is to be next's: begin with a
// copy of *next, or with [MapPaths]. It is what libfuse calls a module.
type Layer func(next *Operations) (*Operations, error)

// modules are those that -o modules= knows.
var modules = map[string]func(args []string) (Layer, []string, error){
	"subdir": subdirModule,
	"iconv":  iconvModule,
}

// RegisterModule makes a module known to -o modules=. factory takes its own options from a command line, with lowlevel.ParseOptions, and returns the rest. It is to
// be called from an init function.
//
// Implements:
//
//	#define FUSE_REGISTER_MODULE(name_, factory_)
func RegisterModule(name string, factory func(args []string) (Layer, []string, error)) {
	modules[name] = factory
}

var errNoModule = errors.New("no such module")

func newModule(name string, args []string) (Layer, []string, error) {
	factory := modules[name]
	if factory == nil {
		known := strings.Join(slices.Sorted(maps.Keys(modules)), ", ")
		return nil, nil, fmt.Errorf("fuse: %w", &lowlevel.OpError{Op: "modules", Path: name, Err: errNoModule, Hint: "there are " + known})
	}
	layer, rest, err := factory(args)
	if err != nil {
		return nil, nil, fmt.Errorf("fuse-%s: %w", name, err)
	}
	return layer, rest, nil
}

// Stack puts layers over operations: the first is the lowest.
func Stack(ops *Operations, layers ...Layer) (*Operations, error) {
	for _, layer := range layers {
		var err error
		if ops, err = layer(ops); err != nil {
			return nil, err
		}
	}
	return ops, nil
}
