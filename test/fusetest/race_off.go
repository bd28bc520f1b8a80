//go:build !race

package fusetest

func ordered() {}
