package main

import (
	"golang.org/x/sys/unix"

	"github.com/go-libfuse3/go-libfuse3/lowlevel"
)

// Regular files. There is nothing to remember of an open file, so there are no handles, no flush and no release.

// regular returns the inode of that number, if it is a regular file.
func (fs *memfs) regular(ino lowlevel.Ino) (*inode, error) {
	n, err := fs.node(ino)
	switch {
	case err != nil:
		return nil, err
	case n.isDir():
		return nil, unix.EISDIR
	case n.kind != unix.S_IFREG:
		return nil, unix.EINVAL
	}
	return n, nil
}

// open tells the kernel that files need not be opened: it does not ask again. A kernel that does not know this answer gets
// another one, but keeps its cache all the same.
func (fs *memfs) open(_ *lowlevel.Request, _ lowlevel.Ino, fi *lowlevel.FileInfo) error {
	if fs.skipOpen {
		return unix.ENOSYS
	}
	fi.KeepCache = true
	return nil
}

func (fs *memfs) read(_ *lowlevel.Request, ino lowlevel.Ino, dst []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
	f, err := fs.regular(ino)
	if err != nil {
		return 0, err
	}
	f.mu.RLock()
	n := f.content.readAt(dst, off)
	f.mu.RUnlock()
	if fi.Flags&unix.O_NOATIME == 0 {
		f.accessed()
	}
	return n, nil
}

// write stores as much as there is space for: like other filesystems it fills up to the last page, and then reports ENOSPC.
func (fs *memfs) write(_ *lowlevel.Request, ino lowlevel.Ino, data []byte, off int64, fi *lowlevel.FileInfo) (int, error) {
	f, err := fs.regular(ino)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.content.writeAt(data, off)
	kernelKnows := fi.Writepage && fs.writeback // when the file was changed: long ago, maybe. It sends the times.
	if n > 0 && !kernelKnows {
		f.written()
	}
	if n > 0 && !fi.Writepage { // what comes from the page cache comes once: a short count would be lost
		return n, nil
	}
	return n, err
}

// written notes that the content has changed. The caller holds n.mu.
func (n *inode) written() {
	n.mtime = now()
	n.ctime = n.mtime
}

func (fs *memfs) fallocate(_ *lowlevel.Request, ino lowlevel.Ino, mode uint32, off, length int64, _ *lowlevel.FileInfo) error {
	f, err := fs.regular(ino)
	if err != nil {
		return err
	}
	if off < 0 || length <= 0 {
		return unix.EINVAL
	}
	if off > maxFileSize-length {
		return unix.EFBIG
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	keepSize := mode&unix.FALLOC_FL_KEEP_SIZE != 0
	switch mode &^ unix.FALLOC_FL_KEEP_SIZE {
	case 0:
		err = f.content.allocate(off, length, keepSize)
	case unix.FALLOC_FL_ZERO_RANGE:
		err = f.content.zero(off, length, keepSize)
	case unix.FALLOC_FL_PUNCH_HOLE:
		f.content.punch(off, length)
	default: // such as COLLAPSE_RANGE and INSERT_RANGE
		return unix.EOPNOTSUPP
	}
	if err == nil {
		f.written()
	}
	return err
}

func (fs *memfs) lseek(_ *lowlevel.Request, ino lowlevel.Ino, off int64, whence int, _ *lowlevel.FileInfo) (int64, error) {
	f, err := fs.regular(ino)
	if err != nil {
		return 0, err
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch whence {
	case unix.SEEK_DATA:
		return f.content.seekData(off)
	case unix.SEEK_HOLE:
		return f.content.seekHole(off)
	}
	return 0, unix.EINVAL
}

func (fs *memfs) copyFileRange(req *lowlevel.Request, inoIn lowlevel.Ino, offIn int64, _ *lowlevel.FileInfo,
	inoOut lowlevel.Ino, offOut int64, _ *lowlevel.FileInfo, length uint64, flags uint32,
) (uint64, error) {
	if flags != 0 || offIn < 0 || offOut < 0 {
		return 0, unix.EINVAL
	}
	in, err := fs.regular(inoIn)
	if err != nil {
		return 0, err
	}
	out, err := fs.regular(inoOut)
	if err != nil {
		return 0, err
	}
	n, err := copyContent(in, offIn, out, offOut, length, req.Interrupted)
	in.accessed()
	if n > 0 { // callers must expect a short count
		return n, nil
	}
	return 0, err
}

// copyPiece is how much copyContent copies at a time.
const copyPiece = 128 << 10

// copyContent copies up to length bytes by pieces through a buffer, and holds one lock at a time: nobody waits long for either file,
// and two copies in opposite directions do not wait for each other. It ends early when stop says so.
func copyContent(in *inode, offIn int64, out *inode, offOut int64, length uint64, stop func() bool) (uint64, error) {
	buf := make([]byte, min(length, copyPiece))
	var done uint64
	for done < length {
		piece := buf[:min(uint64(len(buf)), length-done)]
		n, err := copyOnce(in, offIn+int64(done), out, offOut+int64(done), piece)
		done += uint64(n)
		if err != nil || n < len(piece) || done < length && stop() {
			return done, err
		}
	}
	return done, nil
}

// copyOnce copies up to len(buf) bytes. Fewer mean that the file in has ended, or err.
func copyOnce(in *inode, offIn int64, out *inode, offOut int64, buf []byte) (int, error) {
	in.mu.RLock()
	n := in.content.readAt(buf, offIn)
	in.mu.RUnlock()
	if n == 0 {
		return 0, nil
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	n, err := out.content.writeAt(buf[:n], offOut)
	if n > 0 {
		out.written()
	}
	return n, err
}
