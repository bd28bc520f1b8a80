package main

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror/mirrortest"
)

func TestMain(m *testing.M) { mirrortest.Main(m, main) }

func TestSameAsC_Tree(t *testing.T) { mirrortest.SameTreeAsC(t, "passthrough") }

func TestSameAsC_TreePlus(t *testing.T) { mirrortest.SameTreeAsC(t, "passthrough", "--plus") }

func TestSameAsC_Changes(t *testing.T) { mirrortest.SameChangesAsC(t, "passthrough") }

func TestSameAsC_Names(t *testing.T) { mirrortest.SameNamesAsC(t, "passthrough") }

func TestSameAsC_CommandLine(t *testing.T) { mirrortest.CommandLine(t, "passthrough") }

func TestHelp_NamesAllOptions(t *testing.T) {
	mirrortest.Help(t, "passthrough", "--plus", "--readdir-zero-inodes")
	besidec.Version(t, "passthrough")
}

func TestEnds_ExitCodes(t *testing.T) { mirrortest.Ends(t) }

func TestPOSIX_SuitePasses(t *testing.T) {
	t.Run("plain", func(t *testing.T) { mirrortest.POSIX(t) })
	t.Run("plus", func(t *testing.T) { mirrortest.POSIX(t, "--plus") })
}

func TestFsx_AgreesWithItsModel(t *testing.T) { mirrortest.Fsx(t) }

func TestOwner_SameAsBelow(t *testing.T) { mirrortest.Owner(t) }

func TestOwner_Concurrent(t *testing.T) { mirrortest.OwnerConcurrent(t) }

func TestFiles_SameAsBelow(t *testing.T) { mirrortest.Files(t) }

func TestODirect(t *testing.T) { mirrortest.ODirect(t) }

func TestLongPaths(t *testing.T) { mirrortest.LongPaths(t) }

func TestReaddir_ManyEntries(t *testing.T) {
	t.Run("plain", func(t *testing.T) { mirrortest.Readdir(t) })
	t.Run("plus", func(t *testing.T) { mirrortest.Readdir(t, "--plus") })
}

func TestEnd_LeavesNothing(t *testing.T) { mirrortest.LeavesNothing(t) }

// With numbers of 0 nothing may be missing: readdir(3) leaves out what has none. (C: libfuse 3.17.)
func TestReaddirZeroInodes_ShowsAll(t *testing.T) {
	for _, more := range []string{"-s", "--plus"} {
		t.Run(more, func(t *testing.T) {
			m := mirrortest.Mount(t, "--readdir-zero-inodes", more)
			m.Run(`touch $S/a $S/b; mkdir $S/c`)
			m.Want("a b c", `echo $(ls)`)
			m.Want("a b c", `echo $(find . -mindepth 1 -printf '%f\n' | sort)`)
		})
	}
}
