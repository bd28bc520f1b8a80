// Package posixtest runs the test cases of go-fuse's package posixtest on a directory. It is a module of its own because it needs go-fuse.
//
//	go test -c -o posixtest.test . && ./posixtest.test -posixdir MOUNTPOINT
//
// Without -posixdir they run on a temporary directory, which shows what of them passes on the local filesystem. The package integration builds
// this test program and runs it on mounts, as the client that must be another process than the filesystem.
package posixtest
