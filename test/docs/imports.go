//go:build never

package docs

// What blocks may import: it has go.mod name all that is needed.
import (
	_ "bazil.org/fuse/fs"
	_ "github.com/go-libfuse3/go-libfuse3/highlevel"
	_ "github.com/go-libfuse3/go-libfuse3/test/fusetest"
	_ "github.com/hanwen/go-fuse/v2/fs"
	_ "github.com/jacobsa/fuse/fuseutil"
	_ "github.com/winfsp/cgofuse/fuse"
	_ "golang.org/x/sys/unix"
)
