module github.com/go-libfuse3/go-libfuse3/test/bench

go 1.24.0

require github.com/hanwen/go-fuse/v2 v2.12.1

require (
	github.com/go-libfuse3/go-libfuse3 v0.0.0
	github.com/winfsp/cgofuse v1.6.0
	golang.org/x/sys v0.37.0
)

replace github.com/go-libfuse3/go-libfuse3 => ../..
