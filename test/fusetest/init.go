package fusetest

// InitParams are what a kernel says of itself in INIT.
type InitParams struct {
	Major, Minor uint32
	MaxReadahead uint32
	Flags        InitFlags
}

// DefaultInit returns what Linux 6.18 sends for a mount without options, but for InitMaxPages: without it no server can negotiate
// a max_write of more than 32 pages, so every message fits into the socket's buffer also for users other than root.
func DefaultInit() InitParams {
	return InitParams{Major: 7, Minor: 45, MaxReadahead: 128 << 10, Flags: linux618 &^ InitMaxPages}
}

const linux618 = InitAsyncRead | InitPosixLocks | InitAtomicOTrunc | InitExportSupport | InitBigWrites |
	InitDontMask | InitSpliceWrite | InitSpliceMove | InitSpliceRead | InitFlockLocks | InitHasIoctlDir |
	InitAutoInvalData | InitDoReaddirplus | InitReaddirplusAuto | InitAsyncDIO | InitWritebackCache |
	InitNoOpenSupport | InitParallelDirops | InitHandleKillpriv | InitPosixACL | InitAbortError | InitMaxPages |
	InitCacheSymlinks | InitNoOpendirSupport | InitExplicitInvalData | InitHandleKillprivV2 | InitSetxattrExt |
	InitExt | InitSecurityCtx | InitCreateSuppGroup | InitHasExpireOnly | InitDirectIOAllowMmap |
	InitNoExportSupport | InitHasResend | InitAllowIdmap | InitRequestTimeout

// Sizes of struct fuse_init_out in older protocols.
const (
	compatInitOutSize   = 8  // before 7.5
	compat22InitOutSize = 24 // before 7.23
)

// Request returns the INIT request, as long as a kernel of that version makes it.
func (p InitParams) Request() *Request {
	r := NewRequest(OpInit, 0, struct{ Major, Minor, MaxReadahead, Flags uint32 }{
		p.Major, p.Minor, p.MaxReadahead, uint32(p.Flags),
	})
	if p.Minor < 6 {
		r.Body = r.Body[:8]
	}
	if p.Minor >= 36 {
		r.Body = appendStruct(r.Body, struct {
			Flags2 uint32
			Unused [11]uint32
		}{Flags2: uint32(p.Flags >> 32)})
	}
	return r
}

// ParseInitOut reads the reply to INIT, of any version of the protocol.
func ParseInitOut(body []byte) (InitOut, error) {
	switch len(body) {
	case compatInitOutSize, compat22InitOutSize:
		full := make([]byte, 64)
		copy(full, body)
		body = full
	}
	return decode[InitOut](body)
}
