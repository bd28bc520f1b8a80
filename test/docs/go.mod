module github.com/go-libfuse3/go-libfuse3/test/docs

go 1.24.0

require (
	bazil.org/fuse v0.0.0-20230120002735-62a210ff1fd5
	github.com/go-libfuse3/go-libfuse3 v0.0.0
	github.com/hanwen/go-fuse/v2 v2.12.1
	github.com/jacobsa/fuse v0.0.0-20260630194014-a124548f6da7
	github.com/winfsp/cgofuse v1.6.0
	golang.org/x/sys v0.37.0
)

replace github.com/go-libfuse3/go-libfuse3 => ../..
