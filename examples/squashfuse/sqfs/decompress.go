package sqfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"github.com/anchore/go-lzo"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/therootcompany/xz"
)

// Compression is a way to compress: sqfs_compression_type.
type Compression uint16

// The ways that there are. Like Debian's C program, this one has no LZMA, which Linux does not know either.
const (
	Zlib Compression = iota + 1
	LZMA
	LZO
	XZ
	LZ4
	Zstd
)

var compressionNames = [...]string{Zlib: "zlib", LZMA: "lzma", LZO: "lzo", XZ: "xz", LZ4: "lz4", Zstd: "zstd"}

// String returns the name: sqfs_compression_name.
func (c Compression) String() string {
	if c == 0 || int(c) >= len(compressionNames) {
		return "unknown (" + strconv.Itoa(int(c)) + ")"
	}
	return compressionNames[c]
}

// Compressions are those that can be undone: sqfs_compression_supported.
var Compressions = []Compression{Zlib, LZO, XZ, LZ4, Zstd}

// decompressor decompresses src into dst, and returns how much it was; more than fits is an error: sqfs_decompressor.
type decompressor func(dst, src []byte) (int, error)

// newDecompressor returns the one for c: sqfs_decompressor_get.
func newDecompressor(c Compression) (decompressor, error) {
	switch c {
	case Zlib:
		return new(zlibPool).decompress, nil
	case LZO:
		return func(dst, src []byte) (int, error) { return lzo.Decompress(src, dst) }, nil
	case XZ:
		return new(xzPool).decompress, nil
	case LZ4:
		return func(dst, src []byte) (int, error) { return lz4.UncompressBlock(src, dst) }, nil
	case Zstd:
		return newZstd()
	}
	return nil, &CompressionError{c}
}

// block decompresses a block. A library that trips over bad data must not take the mount down with it.
func (d decompressor) block(dst, src []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, corrupt(fmt.Sprintf("compressed data (%v)", p))
		}
	}()
	n, err = d(dst, src)
	if err != nil {
		return 0, corrupt(fmt.Sprintf("compressed data (%v)", err))
	}
	return n, nil
}

var errTooLong = errors.New("too long")

// drain reads all there is into dst. To come upon the end is to have the checksum checked.
func drain(r io.Reader, dst []byte) (int, error) {
	n, err := io.ReadFull(r, dst)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	// It is full, or there is no more; what ErrUnexpectedEOF means, whether all is well or r was cut off, the next one tells.
	var more [1]byte
	if _, err = io.ReadFull(r, more[:]); err == nil {
		return 0, errTooLong
	}
	if !errors.Is(err, io.EOF) {
		return 0, err
	}
	return n, nil
}

// zlibPool keeps what zlib needs for a block.
type zlibPool struct{ pool sync.Pool }

func (p *zlibPool) decompress(dst, src []byte) (int, error) {
	r, err := p.reader(bytes.NewReader(src))
	if err != nil {
		return 0, err
	}
	n, err := drain(r, dst)
	p.pool.Put(r)
	return n, err
}

func (p *zlibPool) reader(src io.Reader) (io.Reader, error) {
	if r, ok := p.pool.Get().(io.Reader); ok {
		return r, r.(zlib.Resetter).Reset(src, nil)
	}
	return zlib.NewReader(src)
}

// xzPool keeps what xz needs for a block.
type xzPool struct{ pool sync.Pool }

// xzDictMax is the largest dictionary that mksquashfs uses: that of the largest block.
const xzDictMax = maxBlockSize

func (p *xzPool) decompress(dst, src []byte) (int, error) {
	r, _ := p.pool.Get().(*xz.Reader)
	if r == nil {
		var err error
		if r, err = xz.NewReader(nil, xzDictMax); err != nil {
			return 0, err
		}
	}
	if err := r.Reset(bytes.NewReader(src)); err != nil {
		return 0, err
	}
	n, err := drain(r, dst)
	p.pool.Put(r) // not one that has panicked
	return n, err
}

func newZstd() (decompressor, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxBlockSize), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	return func(dst, src []byte) (int, error) {
		out, err := d.DecodeAll(src, dst[:0:len(dst)])
		return len(out), err
	}, nil
}
