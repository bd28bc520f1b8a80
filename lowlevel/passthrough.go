package lowlevel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ioctl(2) on /dev/fuse: _IOW(229, 1, struct fuse_backing_map) and _IOW(229, 2, uint32_t).
const (
	iocBackingOpen  = 0x4010e501
	iocBackingClose = 0x4004e502
)

// PassthroughOpen registers an open file as a backing file. The ID that it returns goes into FileInfo.BackingID in Open or Create: the kernel then reads and
// writes that file itself, without asking. fd may be closed afterwards. All opens of an inode must use the same ID at a time; PassthroughClose
// ends it, after the last Release.
//
// CapPassthrough must have been enabled in Init, together with SetMaxBackingStackDepth(1), and without CapWritebackCache.
//
// Errors: *UnsupportedError; EPERM without CAP_SYS_ADMIN; EOPNOTSUPP where the file cannot be a backing file; ELOOP where it is stacked too deep; ErrClosed.
//
// Since: libfuse 3.17, FUSE protocol 7.40.
//
// Implements:
//
//	int fuse_passthrough_open(fuse_req_t req, int fd);
func (s *Session) PassthroughOpen(fd int) (backingID int32, err error) {
	conn, _ := s.Conn()
	if conn.Want()&CapPassthrough == 0 {
		if conn.Capable()&CapPassthrough == 0 {
			return 0, unsupported(CapPassthrough, conn.ProtoMinor())
		}
		return 0, &UnsupportedError{"FUSE_CAP_PASSTHROUGH", MountLacks, "CapPassthrough enabled in Init"}
	}
	arg := struct {
		fd      int32
		flags   uint32
		padding uint64
	}{fd: int32(fd)}
	id, err := s.deviceIoctl(iocBackingOpen, unsafe.Pointer(&arg))
	return int32(id), err
}

// PassthroughClose ends a backing ID.
//
// Since: libfuse 3.17, FUSE protocol 7.40.
//
// Implements:
//
//	int fuse_passthrough_close(fuse_req_t req, int backing_id);
func (s *Session) PassthroughClose(backingID int32) error {
	_, err := s.deviceIoctl(iocBackingClose, unsafe.Pointer(&backingID))
	return err
}

// deviceIoctl is an ioctl on the session's descriptor.
func (s *Session) deviceIoctl(request uintptr, arg unsafe.Pointer) (int, error) {
	if !s.calls.enter() {
		return 0, ErrClosed
	}
	defer s.calls.leave()
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.c.FD()), request, uintptr(arg))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
