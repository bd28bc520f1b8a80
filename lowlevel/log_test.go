package lowlevel

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// lines is a logger's output.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// stderrOf returns what is written to descriptor 2 while f runs.
func stderrOf(t *testing.T, f func()) string {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "stderr")
	require.NoError(t, err)
	defer file.Close()
	saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	require.NoError(t, err)
	require.NoError(t, unix.Dup3(int(file.Fd()), 2, 0))
	defer func() {
		require.NoError(t, unix.Dup3(saved, 2, 0))
		require.NoError(t, unix.Close(saved))
	}()
	f()
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	return string(text)
}

// setLogger sets a logger for the time of the test.
func setLogger(t *testing.T) *lines {
	t.Helper()
	l := new(lines)
	SetLogger(l.logger())
	t.Cleanup(func() { SetLogger(nil) })
	return l
}

// badOption has libfuse complain by fuse_log.
func badOption(t *testing.T) {
	t.Helper()
	_, err := New(&Ops{}, Config{Args: []string{"prog", "-o", "nonsense"}})
	require.ErrorContains(t, err, "nonsense")
}

// lateReply has libfuse complain by perror: it replies to a kernel that is gone.
func lateReply(t *testing.T) {
	t.Helper()
	k, fd := fusetest.NewKernel(t)
	ops := &Ops{Access: func(*Request, Ino, uint32) error {
		require.NoError(t, k.Close())
		return nil
	}}
	s, err := New(ops, Config{SingleThread: true})
	require.NoError(t, err)
	require.NoError(t, k.SendInit(fusetest.DefaultInit()))
	require.NoError(t, s.MountFD(fd))
	require.NoError(t, k.Send(fusetest.Access(1, 0)))
	_ = s.Serve(t.Context())
	require.NoError(t, s.Close())
}

func TestSetLogger_GetsWhatLibfuseLogs(t *testing.T) {
	l := setLogger(t)
	assert.Empty(t, stderrOf(t, func() { badOption(t) }), "stderr")
	assert.Contains(t, l.String(), "level=ERROR msg=\"fuse: unknown option(s): `")
	assert.Contains(t, l.String(), "nonsense'")
}

func TestSetLogger_GetsWhatLibfusePrintsByPerror(t *testing.T) {
	l := setLogger(t)
	out := stderrOf(t, func() { lateReply(t) })
	if out != "" && l.String() == "" {
		t.Skip("this C library does not let anybody catch stderr")
	}
	assert.Empty(t, out, "stderr")
	assert.Regexp(t, `^level=ERROR msg="fuse: writing device: (Broken pipe|Connection reset by peer)"\n$`, l.String())
}

func TestSetLogger_DebugIsALineEach(t *testing.T) {
	l := setLogger(t)
	s, err := New(&Ops{}, Config{Debug: true})
	require.NoError(t, err)
	k := fusetest.Start(t, s)
	k.MustCall(t, fusetest.Statfs(1))
	require.NoError(t, k.Close())
	text := l.String()
	for _, want := range []string{"opcode: STATFS (17)", "INIT: 7.45", "level=DEBUG"} {
		assert.Contains(t, text, want)
	}
	for line := range strings.Lines(text) {
		assert.True(t, strings.HasPrefix(line, "level=DEBUG msg="), line)
		assert.NotContains(t, line, `\n`)
		assert.NotContains(t, line, `msg=""`)
	}
}

func TestSetLogger_NilIsStderrAgain(t *testing.T) {
	l := setLogger(t)
	badOption(t)
	SetLogger(nil)
	before := l.String()
	assert.Contains(t, stderrOf(t, func() { badOption(t) }), "fuse: unknown option(s): `-o nonsense'\n")
	assert.Contains(t, stderrOf(t, func() { lateReply(t) }), "fuse: writing device: ")
	assert.Equal(t, before, l.String())

	SetLogger(l.logger()) // and back
	assert.Empty(t, stderrOf(t, func() { badOption(t) }))
	assert.NotEqual(t, before, l.String())
}

func TestSetLogger_TheLastOneCounts(t *testing.T) {
	first, second := setLogger(t), setLogger(t)
	badOption(t)
	assert.Empty(t, first.String())
	assert.NotEmpty(t, second.String())
}

// fullStderr makes descriptor 2 a pipe that is full. The function makes room, and puts back what was there.
func fullStderr(t *testing.T) (restore func()) {
	t.Helper()
	var p [2]int
	require.NoError(t, unix.Pipe2(p[:], unix.O_CLOEXEC))
	saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	require.NoError(t, err)
	size, err := unix.FcntlInt(uintptr(p[1]), unix.F_GETPIPE_SZ, 0)
	require.NoError(t, err)
	n, err := unix.Write(p[1], make([]byte, size))
	require.NoError(t, err)
	require.Equal(t, size, n)
	require.NoError(t, unix.Dup3(p[1], 2, 0))
	t.Cleanup(func() { require.NoError(t, errors.Join(unix.Close(p[0]), unix.Close(p[1]))) })
	return sync.OnceFunc(func() {
		_, err := unix.Read(p[0], make([]byte, size))
		require.NoError(t, err)
		require.NoError(t, unix.Dup3(saved, 2, 0))
		require.NoError(t, unix.Close(saved))
	})
}

// pipeIsWaitedFor reports whether a thread of this process waits for room in a pipe.
func pipeIsWaitedFor() bool {
	files, _ := filepath.Glob("/proc/self/task/*/wchan")
	return slices.ContainsFunc(files, func(f string) bool {
		text, _ := os.ReadFile(f)
		return strings.Contains(string(text), "pipe_write")
	})
}

// libfuse's loop cancels threads. One that was about to say that reading has failed must not leave C's stderr locked.
func TestCloneFD_CancelledWhileItComplains(t *testing.T) {
	peer, fd, err := fusetest.Socketpair()
	require.NoError(t, err)
	s, err := New(&Ops{}, Config{CloneFD: true, MaxThreads: 1, DrainTimeout: 10 * time.Second})
	require.NoError(t, err)
	send := func(r *fusetest.Request, unique uint64) {
		_, err := unix.Write(peer, r.WithUnique(unique).Bytes())
		require.NoError(t, err)
	}
	send(fusetest.DefaultInit().Request(), 2)
	require.NoError(t, s.MountFD(fd))
	_, err = unix.Read(peer, make([]byte, 4096))
	require.NoError(t, err)
	served, closed := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	send(fusetest.Statfs(1), 4)
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(peer), Events: unix.POLLIN}}, 10_000)
	require.NoError(t, err)
	require.Equal(t, 1, n, "an answer")

	restore := fullStderr(t)
	t.Cleanup(restore)
	require.NoError(t, unix.Close(peer)) // without having read the answer: reading fails, which is more than an end
	fusetest.Eventually(t, 10*time.Second, "libfuse complains", pipeIsWaitedFor)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close has not waited for the thread: %v", err)
		closed <- err
	case <-time.After(200 * time.Millisecond): // now the thread is to be cancelled
	}
	restore()
	require.NoError(t, <-closed)
	require.NoError(t, <-served, "an end, as without CloneFD")

	complained := make(chan string, 1)
	go func() { complained <- stderrOf(t, func() { lateReply(t) }) }()
	select {
	case text := <-complained:
		assert.Contains(t, text, "fuse: writing device: ")
	case <-time.After(10 * time.Second):
		t.Fatal("C's stderr is locked by a thread that was cancelled")
	}
}

// It may be changed at any time.
func TestSetLogger_Concurrent(t *testing.T) {
	l := setLogger(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100 {
			badOption(t)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(100 * time.Microsecond):
			SetLogger(l.logger())
		}
	}
	assert.Equal(t, 100, strings.Count(l.String(), "nonsense"))
}

func TestSlogLevel(t *testing.T) {
	for level, want := range []slog.Level{
		slog.LevelError, slog.LevelError, slog.LevelError, slog.LevelError, // EMERG, ALERT, CRIT, ERR
		slog.LevelWarn, slog.LevelInfo, slog.LevelInfo, slog.LevelDebug, // WARNING, NOTICE, INFO, DEBUG
	} {
		assert.Equal(t, want, slogLevel(level), "%d", level)
	}
}

// What libfuse logs in pieces is one line.
func TestSetLogger_PiecesMakeALine(t *testing.T) {
	var buf bytes.Buffer
	SetLogger(slog.New(slog.NewTextHandler(&buf, nil)))
	defer SetLogger(nil)
	_, err := New(&Ops{}, Config{Args: []string{"prog", "-o", "nonsense"}})
	require.Error(t, err)
	assert.Contains(t, buf.String(), "msg=\"fuse: unknown option(s): `-o nonsense'\"")
}
