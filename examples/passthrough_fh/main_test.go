package main

import (
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror/mirrortest"
)

func TestMain(m *testing.M) { mirrortest.Main(m, main) }

func TestSameAsC_Tree(t *testing.T) { mirrortest.SameTreeAsC(t, "passthrough_fh") }

func TestSameAsC_Changes(t *testing.T) { mirrortest.SameChangesAsC(t, "passthrough_fh") }

func TestSameAsC_Names(t *testing.T) { mirrortest.SameNamesAsC(t, "passthrough_fh") }

func TestSameAsC_CommandLine(t *testing.T) { mirrortest.CommandLine(t, "passthrough_fh") }

func TestHelp_NamesAllOptions(t *testing.T) {
	mirrortest.Help(t, "passthrough_fh", "--locks", "--bufs")
}

func TestEnds_ExitCodes(t *testing.T) { mirrortest.Ends(t) }

func TestPOSIX_SuitePasses(t *testing.T) {
	t.Run("plain", func(t *testing.T) { mirrortest.POSIX(t) })
	t.Run("locks", func(t *testing.T) { mirrortest.POSIX(t, "--locks") })
}

func TestFsx_AgreesWithItsModel(t *testing.T) {
	t.Run("plain", func(t *testing.T) { mirrortest.Fsx(t) })
	t.Run("bufs", func(t *testing.T) { mirrortest.Fsx(t, "--bufs") })
	t.Run("splice", func(t *testing.T) { mirrortest.Fsx(t, "--bufs", "-o", "splice_read,splice_write,splice_move") })
}

func TestOwner_SameAsBelow(t *testing.T) { mirrortest.Owner(t) }

func TestOwner_Concurrent(t *testing.T) { mirrortest.OwnerConcurrent(t) }

func TestFiles_SameAsBelow(t *testing.T) { mirrortest.Files(t) }

func TestODirect(t *testing.T) { mirrortest.ODirect(t) }

func TestLongPaths(t *testing.T) { mirrortest.LongPaths(t) }

func TestReaddir_ManyEntries(t *testing.T) { mirrortest.Readdir(t) }

func TestEnd_LeavesNothing(t *testing.T) { mirrortest.LeavesNothing(t) }
