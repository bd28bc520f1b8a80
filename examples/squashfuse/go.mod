module github.com/go-libfuse3/go-libfuse3/examples/squashfuse

go 1.24.0

require (
	github.com/anchore/go-lzo v0.1.1
	github.com/go-libfuse3/go-libfuse3 v0.0.0
	github.com/klauspost/compress v1.19.2
	github.com/pierrec/lz4/v4 v4.1.22
	github.com/therootcompany/xz v1.0.1
	golang.org/x/sys v0.37.0
)

replace github.com/go-libfuse3/go-libfuse3 => ../..
