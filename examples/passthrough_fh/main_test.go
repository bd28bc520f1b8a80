package main

import (
	"strings"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/examples/internal/besidec"
	"github.com/go-libfuse3/go-libfuse3/examples/internal/mirror/mirrortest"
)

func TestMain(m *testing.M) { mirrortest.Main(m, main) }

func TestSameAsC_Tree(t *testing.T) { mirrortest.SameTreeAsC(t, "passthrough_fh") }

func TestSameAsC_Changes(t *testing.T) { mirrortest.SameChangesAsC(t, "passthrough_fh") }

func TestSameAsC_Names(t *testing.T) { mirrortest.SameNamesAsC(t, "passthrough_fh") }

// What is asked how often is as the options say, also when a file is changed below.
func TestSameAsC_Requests(t *testing.T) {
	for _, options := range []string{"", "kernel_cache", "auto_cache", "auto_cache,ac_attr_timeout=100", "auto_cache,noauto_cache", "no_rofd_flush", "noforget", "kernel_cache,auto_cache"} {
		below := t.TempDir() // of a name without commas
		t.Run(options, func(t *testing.T) {
			args := []string{"-o", strings.TrimSuffix("modules=subdir,subdir="+below+","+options, ",")}
			besidec.Requests(t, "passthrough_fh", args, "S="+below+`
				echo one > $S/f; touch -d @1000 $S/f; mkdir -p $S/d
				cat f; cat f; cat f; touch -d @2000 $S/f; cat f; cat f; echo more >> $S/f; cat f; cat f; ls > /dev/null; ls d; ls d; rm $S/f; try cat f; try cat f`)
		})
	}
}

func TestSameAsC_CommandLine(t *testing.T) { mirrortest.CommandLine(t, "passthrough_fh") }

func TestHelp_NamesAllOptions(t *testing.T) {
	mirrortest.Help(t, "passthrough_fh", "--locks", "--bufs")
	besidec.Version(t, "passthrough_fh")
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
