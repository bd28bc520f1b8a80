package lowlevel_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// A kernel that is too old is not asked. The version before and the one that has it: no more is refused than must be.
func TestNotifier_OldKernelIsRefused(t *testing.T) {
	for _, tt := range withContext(refusable(t)) {
		t.Run(tt.name, func(t *testing.T) {
			want := lowlevel.UnsupportedError{Feature: tt.feature, Lacks: lowlevel.KernelLacks, Need: fmt.Sprintf("FUSE protocol 7.%d", tt.minor)}
			s, k := startMinor(t, tt.minor-1, ^fusetest.InitFlags(0))
			err := tt.call(s.Notifier())
			wantUnsupported(t, err, want)
			wantNoNotice(t, k, tt.name)
			if tt.want == nil {
				return
			}
			s, k = startMinor(t, tt.minor, ^fusetest.InitFlags(0))
			if err := tt.call(s.Notifier()); err != nil {
				t.Errorf("protocol 7.%d: got error %v, want none", tt.minor, err)
			}
			wantNotice(t, k, tt.name, tt.want)
		})
	}
}

// Linux 6.2 and 6.3 can expire entries and do not say so: FUSE_HAS_EXPIRE_ONLY came later. So libfuse concludes it from the version, and so do we.
func TestNotifier_ExpireEntryNeedsNoFlag(t *testing.T) {
	s, k := startMinor(t, 38, ^fusetest.InitHasExpireOnly)
	if err := s.Notifier().ExpireEntry(1, "name"); err != nil {
		t.Error(err)
	}
	wantNotice(t, k, "ExpireEntry", noticeBytes(fusetest.NotifyInvalEntry, u64(1), u32(4, fusetest.ExpireOnly), []byte("name\x00")))
}

// startMinor serves to a kernel of protocol 7.minor that has, of the default one's capabilities, those in flags.
func startMinor(t *testing.T, minor uint32, flags fusetest.InitFlags) (*lowlevel.Session, *fusetest.Served) {
	t.Helper()
	p := fusetest.DefaultInit()
	p.Minor = minor
	p.Flags &= flags
	s := newSession(t, oneFile(), lowlevel.Config{})
	return s, fusetest.StartInit(t, s, p)
}

func wantUnsupported(t *testing.T, err error, want lowlevel.UnsupportedError) {
	t.Helper()
	var got *lowlevel.UnsupportedError
	if !errors.As(err, &got) || *got != want {
		t.Errorf("got error %#v, want %#v", err, want)
	}
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v is not errors.ErrUnsupported", err)
	}
}
