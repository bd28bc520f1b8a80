package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"reflect"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/test/fusetest"
)

// client plays the kernel over the socket.
type client struct {
	t      *testing.T
	conn   net.Conn
	unique uint64
}

// connect connects to the program's socket.
func (s *server) connect() *client {
	s.t.Helper()
	conn, err := net.Dial("unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	return &client{t: s.t, conn: conn}
}

// mount connects and sends INIT.
func (s *server) mount() *client {
	s.t.Helper()
	c := s.connect()
	out, err := c.call(fusetest.DefaultInit().Request()).Init()
	if err != nil || out.Major != 7 || out.MaxWrite < 4096 {
		s.t.Fatalf("INIT: %+v (%v)", out, err)
	}
	return c
}

// number gives a request its number and returns its bytes.
func (c *client) number(r *fusetest.Request) []byte {
	c.unique += 2
	return r.WithUnique(c.unique).Bytes()
}

func (c *client) send(msg []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(msg); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one reply.
func (c *client) receive() fusetest.Reply {
	c.t.Helper()
	var h fusetest.OutHeader
	if err := binary.Read(c.conn, binary.NativeEndian, &h); err != nil {
		c.t.Fatalf("reply: %v", err)
	}
	body := make([]byte, h.Len-fusetest.OutHeaderSize)
	if _, err := io.ReadFull(c.conn, body); err != nil {
		c.t.Fatalf("reply to %d: %v", h.Unique, err)
	}
	return fusetest.Reply{Unique: h.Unique, Errno: syscall.Errno(-h.Error), Body: body}
}

// call sends a request and waits for the answer.
func (c *client) call(r *fusetest.Request) fusetest.Reply {
	c.t.Helper()
	c.send(c.number(r))
	reply := c.receive()
	if reply.Unique != c.unique {
		c.t.Fatalf("reply: got number %d, want %d", reply.Unique, c.unique)
	}
	return reply
}

// checkHello looks up the file and reads it.
func (c *client) checkHello() {
	c.t.Helper()
	entry, err := c.call(fusetest.Lookup(1, "hello")).Entry()
	if err != nil || entry.NodeID != 2 || entry.EntryValid != 1 || entry.AttrValid != 1 ||
		entry.Attr.Size != 13 || entry.Attr.Mode != unix.S_IFREG|0o444 || entry.Attr.Nlink != 1 {
		c.t.Errorf("lookup: %+v (%v)", entry, err)
	}
	opened, err := c.call(fusetest.Open(2, fusetest.OpenIn{})).Open()
	if err != nil {
		c.t.Errorf("open: %v", err)
	}
	data, err := c.call(fusetest.Read(2, fusetest.ReadIn{Fh: opened.Fh, Size: 4096})).Data()
	if err != nil || string(data) != "Hello World!\n" {
		c.t.Errorf("read: got %q (%v)", data, err)
	}
	if err := c.call(fusetest.Release(2, fusetest.ReleaseIn{Fh: opened.Fh})).Err(); err != nil {
		c.t.Errorf("release: %v", err)
	}
}

func TestUDS_Hello(t *testing.T) {
	s := start(t)
	c := s.mount()
	c.checkHello()

	root, err := c.call(fusetest.Getattr(1, fusetest.GetattrIn{})).Attr()
	if err != nil || root.Attr.Mode != unix.S_IFDIR|0o755 || root.Attr.Nlink != 2 || root.AttrValid != 1 {
		t.Errorf("getattr: %+v (%v)", root, err)
	}
	list, err := c.call(fusetest.Readdir(1, fusetest.ReadIn{Size: 4096})).Dirents()
	var names []string
	for _, e := range list {
		names = append(names, e.Name)
	}
	if want := []string{".", "..", "hello"}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("readdir: got %v (%v), want %v", names, err, want)
	}
	end, err := c.call(fusetest.Readdir(1, fusetest.ReadIn{Size: 4096, Offset: list[2].Off})).Dirents()
	if err != nil || len(end) > 0 {
		t.Errorf("readdir at the end: got %v (%v)", end, err)
	}
	data, err := c.call(fusetest.Read(2, fusetest.ReadIn{Offset: 6, Size: 5})).Data()
	if err != nil || string(data) != "World" {
		t.Errorf("read: got %q (%v)", data, err)
	}
	data, err = c.call(fusetest.Read(2, fusetest.ReadIn{Offset: 13, Size: 5})).Data()
	if err != nil || len(data) > 0 {
		t.Errorf("read at the end: got %q (%v)", data, err)
	}
}

func TestUDS_Errors(t *testing.T) {
	c := start(t).mount()
	for _, test := range []struct {
		what string
		req  *fusetest.Request
		want error
	}{
		{"another name", fusetest.Lookup(1, "other"), unix.ENOENT},
		{"in no directory", fusetest.Lookup(2, "hello"), unix.ENOENT},
		{"another inode", fusetest.Getattr(3, fusetest.GetattrIn{}), unix.ENOENT},
		{"open a directory", fusetest.Open(1, fusetest.OpenIn{}), unix.EISDIR},
		{"open for writing", fusetest.Open(2, fusetest.OpenIn{Flags: unix.O_WRONLY}), unix.EACCES},
		{"list a file", fusetest.Readdir(2, fusetest.ReadIn{Size: 4096}), unix.ENOTDIR},
		{"no such operation", fusetest.Mkdir(1, fusetest.MkdirIn{Mode: 0o755}, "new"), unix.ENOSYS},
	} {
		if err := c.call(test.req).Err(); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.what, err, test.want)
		}
	}
	c.checkHello()
}

// TestUDS_Stream sends requests that do not come in one piece each, as a stream may have them.
func TestUDS_Stream(t *testing.T) {
	c := start(t).mount()
	var msg []byte
	const several = 50
	for range several {
		msg = append(msg, c.number(fusetest.Lookup(1, "hello"))...)
	}
	for what, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(msg),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(msg[:len(msg)/several*3])),
		"by halves":    iotest.HalfReader(bytes.NewReader(msg)),
	} {
		sent, err := io.Copy(writerOnly{c.conn}, r)
		if err != nil {
			t.Fatal(err)
		}
		for range int(sent) / (len(msg) / several) {
			if entry, err := c.receive().Entry(); err != nil || entry.NodeID != 2 {
				t.Errorf("%s: %+v (%v)", what, entry, err)
			}
		}
	}
	c.checkHello()
}

// writerOnly hides what a connection can do besides, such as reading on its own.
type writerOnly struct{ io.Writer }

// TestUDS_BadLength sends requests whose length cannot be. What would follow is anybody's guess, so the program hangs up, and says why.
func TestUDS_BadLength(t *testing.T) {
	for _, length := range []uint32{0, 39, 1 << 30, 0xffffffff} {
		s := start(t)
		c := s.mount()
		c.checkHello()
		c.send(c.number(fusetest.Lookup(1, "hello").WithLen(length)))
		if n, err := c.conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("length %d: got an answer", length)
		}
		s.checkEnd(accepted, "hello_ll_uds: serve: protocol error\n")
	}
}

// TestUDS_OneClient shows that the first client is the only one.
func TestUDS_OneClient(t *testing.T) {
	s := start(t)
	c := s.mount()
	if conn, err := net.Dial("unix", s.path); err == nil {
		conn.Close()
		t.Error("a second client can connect")
	}
	c.checkHello()
}
