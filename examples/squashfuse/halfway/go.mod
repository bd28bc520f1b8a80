module github.com/go-libfuse3/go-libfuse3/examples/squashfuse/halfway

go 1.24.0

require (
	github.com/go-libfuse3/go-libfuse3 v0.0.0
	github.com/go-libfuse3/go-libfuse3/examples/squashfuse v0.0.0
)

require (
	github.com/anchore/go-lzo v0.1.1 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/pierrec/lz4/v4 v4.1.22 // indirect
	github.com/therootcompany/xz v1.0.1 // indirect
	golang.org/x/sys v0.37.0 // indirect
)

replace (
	github.com/go-libfuse3/go-libfuse3 => ../../..
	github.com/go-libfuse3/go-libfuse3/examples/squashfuse => ..
)
