package inflate

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func compress(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
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
	files, err := filepath.Glob("../../*/*.go")
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

func TestDecompress_IsWhatWasCompressed(t *testing.T) {
	var d Decoder
	for name, data := range samples(t) {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			c := compress(t, data, level)
			for _, room := range []int{0, 1, 300, 5000} {
				dst := make([]byte, len(data)+room)
				n, err := d.Decompress(dst, c)
				if err != nil || !bytes.Equal(dst[:n], data) {
					t.Errorf("%s, level %d, %d more: got %d bytes, %v", name, level, room, n, err)
				}
			}
		}
	}
}

func TestDecompress_Errors(t *testing.T) {
	var d Decoder
	data := bytes.Repeat([]byte("some text, some text\n"), 1000)
	c := compress(t, data, 9)
	if _, err := d.Decompress(make([]byte, len(data)-1), c); !errors.Is(err, ErrTooLong) {
		t.Errorf("too little room: got %v", err)
	}
	for n := range c {
		if _, err := d.Decompress(make([]byte, len(data)), c[:n]); err == nil {
			t.Errorf("cut off at %d of %d: got no error", n, len(c))
		}
	}
	bad := bytes.Clone(c)
	bad[len(bad)-1]++
	if _, err := d.Decompress(make([]byte, len(data)), bad); !errors.Is(err, ErrChecksum) {
		t.Errorf("checksum: got %v", err)
	}
}

// FuzzDecompress compares it with compress/zlib on anything.
func FuzzDecompress(f *testing.F) {
	for _, data := range samples(f) {
		if len(data) < 10000 {
			for _, level := range []int{flate.HuffmanOnly, 1, 9} {
				f.Add(compress(f, data, level))
			}
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, c []byte) {
		dst := make([]byte, 1<<16)
		n, err := d.Decompress(dst, c)
		want, wantErr := decompressStd(c, len(dst))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(dst[:n], want) {
			t.Fatalf("got %d bytes, %v; want %d bytes, %v", n, err, len(want), wantErr)
		}
	})
}

func decompressStd(c []byte, limit int) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(c))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = ErrTooLong
	}
	return data, err
}

func BenchmarkDecompress(b *testing.B) {
	var data []byte
	for _, sample := range samples(b) {
		data = append(data, sample[:min(len(sample), 5000)]...)
	}
	data = data[:min(len(data), 131072)]
	c := compress(b, data, 9)
	dst := make([]byte, len(data))
	b.Run("Inflate", func(b *testing.B) {
		var d Decoder
		b.SetBytes(int64(len(data)))
		for range b.N {
			if _, err := d.Decompress(dst, c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("CompressZlib", func(b *testing.B) {
		r, _ := zlib.NewReader(bytes.NewReader(c))
		b.SetBytes(int64(len(data)))
		for range b.N {
			r.(zlib.Resetter).Reset(bytes.NewReader(c), nil)
			if _, err := io.ReadFull(r, dst); err != nil {
				b.Fatal(err)
			}
		}
	})
}
