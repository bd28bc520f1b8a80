package sqfs

import (
	"bytes"
	"compress/flate"
	stdzlib "compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zlib"
)

func deflated(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := stdzlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

// samples are kinds of data that make kinds of blocks.
func samples(t testing.TB) map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	few := make([]byte, 100000)
	for i := range few {
		few[i] = "abcde\x00"[r.IntN(6)]
	}
	skewed := make([]byte, 131072)
	for i := range skewed { // long codes
		skewed[i] = byte(r.ExpFloat64() * 12)
	}
	m := map[string][]byte{"empty": {}, "byte": {7}, "zeros": make([]byte, 131072), "noise": noise, "few": few, "skewed": skewed, "short": []byte("hello hello hello")}
	for period := 1; period < 20; period++ {
		m[fmt.Sprint("period", period)] = bytes.Repeat(noise[:period], 3000/period)
	}
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m[filepath.Base(f)] = data
	}
	return m
}

func TestZlib_IsWhatWasCompressed(t *testing.T) {
	var d zlibPool
	for name, data := range samples(t) {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			c := deflated(t, data, level)
			for _, room := range []int{0, 1, 300, 5000} {
				dst := make([]byte, len(data)+room)
				n, err := d.decompress(dst, c)
				if err != nil || !bytes.Equal(dst[:n], data) {
					t.Errorf("%s, level %d, %d more: got %d bytes, %v", name, level, room, n, err)
				}
			}
		}
	}
}

func TestZlib_Errors(t *testing.T) {
	var d zlibPool
	data := bytes.Repeat([]byte("some text, some text\n"), 1000)
	c := deflated(t, data, 9)
	if _, err := d.decompress(make([]byte, len(data)-1), c); !errors.Is(err, errTooLong) {
		t.Errorf("too little room: got %v", err)
	}
	for n := range c {
		if _, err := d.decompress(make([]byte, len(data)), c[:n]); err == nil {
			t.Errorf("cut off at %d of %d: got no error", n, len(c))
		}
	}
	bad := bytes.Clone(c)
	bad[len(bad)-1]++
	if _, err := d.decompress(make([]byte, len(data)), bad); !errors.Is(err, zlib.ErrChecksum) {
		t.Errorf("checksum: got %v", err)
	}
}

// FuzzZlib compares it with compress/zlib on anything.
func FuzzZlib(f *testing.F) {
	for _, data := range samples(f) {
		if len(data) < 10000 {
			for _, level := range []int{flate.HuffmanOnly, 1, 9} {
				f.Add(deflated(f, data, level))
			}
		}
	}
	var d zlibPool
	f.Fuzz(func(t *testing.T, c []byte) {
		dst := make([]byte, 1<<16)
		n, err := d.decompress(dst, c)
		want, wantErr := decompressStd(c, len(dst))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(dst[:n], want) {
			t.Fatalf("got %d bytes, %v; want %d bytes, %v", n, err, len(want), wantErr)
		}
	})
}

func decompressStd(c []byte, limit int) ([]byte, error) {
	r, err := stdzlib.NewReader(bytes.NewReader(c))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = errTooLong
	}
	return data, err
}

// BenchmarkZlib decompresses what this package's sources are as one block.
func BenchmarkZlib(b *testing.B) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		b.Fatal(err)
	}
	var data []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			b.Fatal(err)
		}
		data = append(data, text...)
	}
	data = data[:min(len(data), 128<<10)]
	c, dst := deflated(b, data, 9), make([]byte, len(data))
	b.SetBytes(int64(len(data)))
	var d zlibPool
	for range b.N {
		if _, err := d.decompress(dst, c); err != nil {
			b.Fatal(err)
		}
	}
}
