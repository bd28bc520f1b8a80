package ll

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-libfuse3/go-libfuse3/examples/squashfuse/sqfs"
)

// Open opens an archive: sqfs_ll_open and sqfs_open_image. Its errors have C's words.
func Open(path string, offset uint64) (*sqfs.FS, error) {
	f, err := os.Open(path)
	if err != nil {
		var e *os.PathError
		errors.As(err, &e)
		return nil, fmt.Errorf("Can't open squashfs image: %s", capital(e.Err.Error())) //nolint:staticcheck // C's words
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		var fs *sqfs.FS
		if fs, err = sqfs.New(f, size, int64(offset)); err == nil {
			return fs, nil
		}
	}
	f.Close()
	return nil, imageError(err)
}

func imageError(err error) error {
	var version *sqfs.VersionError
	var compression *sqfs.CompressionError
	switch {
	case errors.Is(err, sqfs.ErrFormat):
		return errors.New("This doesn't look like a squashfs image.") //nolint:staticcheck // C's words
	case errors.As(err, &version):
		return fmt.Errorf("Squashfs version %d.%d detected, only version 4.0 supported.", version.Major, version.Minor) //nolint:staticcheck // C's words
	case errors.As(err, &compression):
		names := make([]string, len(sqfs.Compressions))
		for i, c := range sqfs.Compressions {
			names[i] = c.String()
		}
		return fmt.Errorf("Squashfs image uses %s compression, this version supports only %s.", compression.Type, strings.Join(names, ", ")) //nolint:staticcheck // C's words
	}
	return errors.New("Something went wrong trying to read the squashfs image.") //nolint:staticcheck // C's words
}

// capital makes of a Go error's text what C's strerror says.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
