package ll

import (
	"slices"
	"strings"
)

// WithImage makes the first of two arguments that are no options --image=ARCHIVE, since libfuse's parser takes one such argument, the mountpoint: sqfs_opt_proc. It
// returns false if there are more. In the background it has been done already.
func WithImage(args []string) ([]string, bool) {
	var names []int
	for i := 1; i < len(args); i++ {
		switch {
		case args[i] == "-o":
			i++ // its value
		case !strings.HasPrefix(args[i], "-"):
			names = append(names, i)
		}
	}
	if len(names) == 2 {
		args = slices.Clone(args)
		args[names[0]] = "--image=" + args[names[0]]
	}
	return args, len(names) <= 2
}
