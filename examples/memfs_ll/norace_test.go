//go:build !race

package main

// raceBuild says that the test is built with -race; the program is then, too.
const raceBuild = false
