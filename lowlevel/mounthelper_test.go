package lowlevel

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// startAs starts a process that waits for long, by the given name. It is killed at the end, if it still runs.
func startAs(t *testing.T, name string) int {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(sleep, path))
	p, err := os.StartProcess(path, []string{name, "1000"}, &os.ProcAttr{})
	require.NoError(t, err)
	t.Cleanup(func() {
		if children()[p.Pid] {
			_ = p.Kill()
			_, _ = p.Wait()
		}
	})
	return p.Pid
}

// socket opens a socket that is inherited, as libfuse does.
func socket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		if openSockets()[fd] != "" {
			_ = unix.Close(fd)
		}
	})
	return fd
}

func closeOnExec(t *testing.T, fd int) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	return flags&unix.FD_CLOEXEC != 0
}

func TestMountHelper_FindsWhatIsNew(t *testing.T) {
	oldSocket, oldHelper := socket(t), startAs(t, fusermount)
	before := lookForHelper(true)
	newSocket, newHelper, other := socket(t), startAs(t, fusermount), startAs(t, "bystander")

	h := before.found()
	assert.Equal(t, []int{newSocket}, h.sockets)
	assert.Equal(t, []int{newHelper}, h.pids)
	assert.True(t, closeOnExec(t, newSocket), "the helper's socket is not inherited")
	assert.False(t, closeOnExec(t, oldSocket), "other sockets are left as they are")

	h.dismiss()
	assert.Empty(t, openSockets()[newSocket], "the helper's socket")
	assert.NotEmpty(t, openSockets()[oldSocket], "another socket")
	left := children()
	assert.False(t, left[newHelper], "the helper has ended and is no zombie")
	assert.True(t, left[oldHelper], "another session's helper")
	assert.True(t, left[other], "another child")
}

func TestMountHelper_NotWanted(t *testing.T) {
	before := lookForHelper(false)
	fd, pid := socket(t), startAs(t, fusermount)
	h := before.found()
	assert.Empty(t, h.sockets)
	assert.Empty(t, h.pids)
	h.dismiss()
	assert.NotEmpty(t, openSockets()[fd])
	assert.True(t, children()[pid])
}

// A number that has been closed and opened anew is another socket.
func TestMountHelper_NumberUsedAgain(t *testing.T) {
	first := socket(t)
	before := lookForHelper(true)
	second := socket(t)
	require.NoError(t, unix.Dup3(second, first, 0))
	sockets := before.found().sockets
	slices.Sort(sockets)
	assert.Equal(t, []int{first, second}, sockets)
}

func TestMountHelper_DismissTheDead(t *testing.T) {
	before := lookForHelper(true)
	pid := startAs(t, fusermount)
	h := before.found()
	require.NoError(t, unix.Kill(pid, unix.SIGKILL))
	h.dismiss()
	assert.False(t, children()[pid])
	h.dismiss() // nobody is left
}

func TestSession_AutoUnmountIsFoundInTheOptions(t *testing.T) {
	for want, list := range map[bool][]Config{
		true: {
			{Mount: MountOptions{AutoUnmount: true}},
			{Args: []string{"p", "-o", "ro,auto_unmount"}},
			{Args: []string{"p", "-oauto_unmount"}},
		},
		false: {{}, {Args: []string{"p", "-o", "ro"}}},
	} {
		for _, cfg := range list {
			assert.Equal(t, want, (&Session{cfg: cfg}).autoUnmount(), "%+v", cfg)
		}
	}
}

func TestInherited_Descriptors(t *testing.T) {
	pipe, other, err := os.Pipe()
	require.NoError(t, err)
	defer pipe.Close()
	defer other.Close()

	files, n, err := inherited(pipe, "/mnt")
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Equal(t, []*os.File{os.Stdin, os.Stdout, os.Stderr, pipe}, files)

	number := int(other.Fd())
	dev := "/dev/fd/" + strconv.Itoa(number)
	files, n, err = inherited(pipe, dev)
	require.NoError(t, err)
	require.Len(t, files, number+2)
	assert.Equal(t, number+1, n, "number of the pipe")
	assert.Same(t, pipe, files[number+1])
	for i := 3; i < number; i++ {
		assert.Nil(t, files[i])
	}
	a, err := files[number].Stat()
	require.NoError(t, err)
	b, err := other.Stat()
	require.NoError(t, err)
	assert.True(t, os.SameFile(a, b), "descriptor %d", number)
	require.NoError(t, files[number].Close())

	_, _, err = inherited(pipe, "/dev/fd/9999")
	require.ErrorIs(t, err, unix.EBADF)
}
