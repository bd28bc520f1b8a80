package main

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// These mount inside the filesystem under test, in the mount namespace of the suite's thread: nobody else sees it.
var mountCases = []testCase{
	{"mount/cross_device", mountCrossDevice},
	{"mount/busy", mountBusy},
	{"mount/read_only", mountReadOnly},
	{"mount/text_busy", mountTextBusy},
	{"mount/text_busy_truncated", mountTextBusyTrunc},
}

func mountCrossDevice(t *T) {
	t.ok(root.mkdir("m", 0o755))
	t.ok(call{"mount tmpfs", unix.Mount("none", "m", "tmpfs", 0, "")})
	defer func() { t.ok(call{"umount", unix.Unmount("m", unix.MNT_DETACH)}) }()
	for _, kind := range allKinds {
		t.create(kind, "f")
		t.create(kind, "m/g")
		t.want(root.rename("f", "m/f"), unix.EXDEV)
		t.want(root.rename("f", "m/g"), unix.EXDEV)
		t.want(root.rename("m/g", "g"), unix.EXDEV)
		if kind != Dir {
			t.want(root.link("f", "m/f"), unix.EXDEV)
			t.want(root.link("m/g", "g"), unix.EXDEV)
		}
		t.lstat("f", isKind(kind), isNlink(int(t.peek("f").Nlink)))
		t.gone("g", "m/f")
		t.remove(kind, "f")
		t.remove(kind, "m/g")
	}
}

func mountBusy(t *T) {
	t.ok(root.mkdir("m", 0o755), root.mkdir("d", 0o755))
	t.ok(call{"mount tmpfs", unix.Mount("none", "m", "tmpfs", 0, "")})
	t.want(root.rmdir("m"), unix.EBUSY)
	t.want(root.rename("m", "n"), unix.EBUSY)
	t.want(root.rename("d", "m"), unix.EBUSY)
	t.ok(call{"umount", unix.Unmount("m", unix.MNT_DETACH)})
	t.ok(root.rename("d", "m"), root.rmdir("m"))
}

func mountReadOnly(t *T) {
	t.ok(root.mkdir("d", 0o755))
	t.ok(call{"bind", unix.Mount("d", "d", "", unix.MS_BIND, "")})
	for _, op := range pathOps() {
		t.prepare(op, "d/f")
		t.ok(call{"remount read-only", unix.Mount("", "d", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")})
		want := []unix.Errno{unix.EROFS}
		switch op.name {
		case "open RDONLY", "open DIRECTORY", "stat", "lstat", "statfs", "access", "chdir", "readlink", "getxattr", "listxattr":
			want = []unix.Errno{0}
		case "link to", "link from", "rename from", "rename to":
			want = append(want, unix.EXDEV) // the other path is outside of the bind
		}
		t.want(op.call(root, "d/f"), want...)
		t.ok(call{"remount writable", unix.Mount("", "d", "", unix.MS_BIND|unix.MS_REMOUNT, "")})
		clean("d/f")
	}
	t.create(Regular, "d/a")
	t.ok(call{"remount read-only", unix.Mount("", "d", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")})
	for _, c := range []call{
		root.rename("d/a", "d/b"), root.link("d/a", "d/b"), root.open("d/a", unix.O_RDWR, 0), root.access("d/a", unix.W_OK),
		root.open("d/a", unix.O_RDONLY|unix.O_TRUNC, 0), root.open("d/b", unix.O_CREAT|unix.O_RDONLY, 0o644),
	} {
		t.want(c, unix.EROFS)
	}
	t.ok(call{"umount", unix.Unmount("d", unix.MNT_DETACH)})
	t.lists("d", "a")
}

// holdArg as the only argument makes this program wait for the end of its input: a program that is being executed.
const holdArg = "hold-until-eof"

func hold() {
	if _, err := os.Stdout.WriteString("ready\n"); err != nil {
		os.Exit(1)
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		os.Exit(1)
	}
}

// A running program cannot be opened for writing, and what was refused has changed nothing: it still runs.
func mountTextBusy(t *T) {
	size, stop := t.startProgram()
	t.want(root.open("prog", unix.O_WRONLY, 0), unix.ETXTBSY)
	t.want(root.open("prog", unix.O_RDWR, 0), unix.ETXTBSY)
	t.want(root.open("prog", unix.O_WRONLY|unix.O_TRUNC, 0), unix.ETXTBSY)
	t.want(root.truncate("prog", 10), unix.ETXTBSY)
	t.stat("prog", isSize(size))
	t.ok(root.open("prog", unix.O_RDONLY, 0), root.rename("prog", "prog2"), root.unlink("prog2"))
	stop()
	t.gone("prog", "prog2")
}

// O_RDONLY|O_TRUNC is the way past the check in the kernel: a FUSE filesystem that lets the kernel send O_TRUNC with the open truncates first.
func mountTextBusyTrunc(t *T) {
	size, stop := t.startProgram()
	t.want(root.open("prog", unix.O_RDONLY|unix.O_TRUNC, 0), unix.ETXTBSY)
	t.stat("prog", isSize(size))
	stop()
}

// startProgram runs a copy of this program from the filesystem under test until stop is called.
func (t *T) startProgram() (size int64, stop func()) {
	self, err := os.ReadFile("/proc/self/exe")
	t.ok(call{"read our program", err})
	t.fill("prog", string(self))
	t.ok(root.chmod("prog", 0o755))
	cmd := exec.Command("./prog", holdArg)
	in, err := cmd.StdinPipe()
	t.ok(call{"pipe", err})
	out, err := cmd.StdoutPipe()
	t.ok(call{"pipe", err})
	if err := cmd.Start(); err != nil {
		t.fail("executing a program on the filesystem: %v", err)
		return 0, func() {}
	}
	buf := make([]byte, 6)
	_, err = io.ReadFull(out, buf)
	t.assert(err == nil && string(buf) == "ready\n", "output of the program: %q, %v", buf, err)
	return int64(len(self)), func() {
		err := in.Close()
		t.assert(err == nil, "end the program: %v", err)
		err = cmd.Wait()
		t.assert(err == nil, "end of the program: %v", err)
	}
}

// exec tries to execute a file in a child that acts as w.
func (w who) exec(p string) call {
	if !strings.Contains(p, "/") {
		p = "./" + p
	}
	return w.do(func() error {
		pid, err := syscall.ForkExec(p, []string{p}, &syscall.ProcAttr{})
		if err == nil {
			_, err = syscall.Wait4(pid, nil, 0, nil)
		}
		return err
	}, "execve(%s)", p)
}
