// Package inflate decompresses zlib data (RFC 1950, RFC 1951) that is all in memory, into memory that is there: what SquashFS has. Knowing both, it need not ask
// after each symbol whether there is input and room, and is about twice as fast as compress/zlib, which reads from an io.Reader.
package inflate

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
)

// Errors of Decompress.
var (
	ErrCorrupt  = errors.New("zlib: invalid data")
	ErrTooLong  = errors.New("zlib: more data than there is room for")
	ErrChecksum = errors.New("zlib: invalid checksum")
)

// Decoder holds the tables of a block. It can be used again and again, by one goroutine at a time.
type Decoder struct {
	lit  [litTableSize]entry
	dist [distTableSize]entry
	// fixed says that the tables are those of a block with fixed codes.
	fixed   bool
	lengths [maxLit + maxDist]uint8

	src    []byte
	pos    int    // of the next byte of src that is not in bits
	bits   uint64 // read and not used; the lowest are first
	count  uint   // how many
	dst    []byte
	filled int
}

// Decompress decompresses src into dst, and returns how much it was.
func (d *Decoder) Decompress(dst, src []byte) (int, error) {
	const deflate, dictionary = 8, 1 << 5
	if len(src) < 6 || src[0]&0xf != deflate || src[1]&dictionary != 0 || binary.BigEndian.Uint16(src)%31 != 0 {
		return 0, ErrCorrupt
	}
	d.src, d.pos, d.bits, d.count = src, 2, 0, 0
	d.dst, d.filled = dst, 0
	defer func() { d.src, d.dst = nil, nil }()
	for last := false; !last; {
		d.refill()
		last = d.take(1) == 1
		if err := d.block(); err != nil {
			return 0, err
		}
	}
	d.pos -= int(d.count / 8) // whole bytes that were read ahead
	if d.pos+4 > len(src) {
		return 0, ErrCorrupt
	}
	if binary.BigEndian.Uint32(src[d.pos:]) != adler32.Checksum(dst[:d.filled]) {
		return 0, ErrChecksum
	}
	return d.filled, nil
}

func (d *Decoder) block() error {
	switch d.take(2) {
	case 0:
		return d.stored()
	case 1:
		if err := d.fixedTables(); err != nil {
			return err
		}
	case 2:
		if err := d.dynamicTables(); err != nil {
			return err
		}
	default:
		return ErrCorrupt
	}
	return d.symbols()
}

// refill makes bits have at least 56 of them, or all that are left. Beyond the end of src it takes zeros: overrun tells.
func (d *Decoder) refill() {
	if d.pos+8 <= len(d.src) {
		d.bits |= binary.LittleEndian.Uint64(d.src[d.pos:]) << d.count
		d.pos += int(63-d.count) >> 3
		d.count |= 56
		return
	}
	for d.count <= 56 {
		if d.pos < len(d.src) {
			d.bits |= uint64(d.src[d.pos]) << d.count
		}
		d.pos++
		d.count += 8
	}
}

// overrun reports whether more has been used than there was.
func (d *Decoder) overrun() bool { return d.pos-int(d.count/8) > len(d.src) }

// take uses n bits, which must be there.
func (d *Decoder) take(n uint) uint64 {
	v := d.bits & (1<<n - 1)
	d.bits >>= n
	d.count -= n
	return v
}

// stored copies a block that is as it was.
func (d *Decoder) stored() error {
	d.take(d.count & 7) // to the next byte
	d.pos -= int(d.count / 8)
	d.bits, d.count = 0, 0
	if d.pos+4 > len(d.src) {
		return ErrCorrupt
	}
	n, inverse := binary.LittleEndian.Uint16(d.src[d.pos:]), binary.LittleEndian.Uint16(d.src[d.pos+2:])
	d.pos += 4
	switch {
	case n != ^inverse || int(n) > len(d.src)-d.pos:
		return ErrCorrupt
	case int(n) > len(d.dst)-d.filled:
		return ErrTooLong
	}
	d.filled += copy(d.dst[d.filled:], d.src[d.pos:d.pos+int(n)])
	d.pos += int(n)
	return nil
}

const (
	maxLit  = 288
	maxDist = 32
	endCode = 256
	codeMax = 15 // bits of a code
)

// fixedTables makes the tables of a block with fixed codes.
func (d *Decoder) fixedTables() error {
	if d.fixed {
		return nil
	}
	for i := range maxLit {
		switch {
		case i < 144:
			d.lengths[i] = 8
		case i < 256:
			d.lengths[i] = 9
		case i < 280:
			d.lengths[i] = 7
		default:
			d.lengths[i] = 8
		}
	}
	for i := range maxDist {
		d.lengths[maxLit+i] = 5
	}
	err := d.tables(maxLit, maxDist)
	d.fixed = err == nil
	return err
}

// codeOrder is the order in which the lengths of the codes of lengths come.
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicTables reads the codes of a block that has its own.
func (d *Decoder) dynamicTables() error {
	d.fixed = false
	d.refill()
	lit, dist, n := int(d.take(5))+257, int(d.take(5))+1, int(d.take(4))+4
	if lit > 286 || dist > 30 {
		return ErrCorrupt
	}
	var lengths [19]uint8
	for i := range n {
		d.refill()
		lengths[codeOrder[i]] = uint8(d.take(3))
	}
	var codes [1 << precodeBits]entry
	if !build(codes[:], lengths[:], precodeBits, func(symbol int) entry { return entry(symbol)<<16 | isLiteral }) {
		return ErrCorrupt
	}
	return d.readLengths(codes[:], lit, dist)
}

// readLengths reads the lengths of the codes.
func (d *Decoder) readLengths(codes []entry, lit, dist int) error {
	total := lit + dist
	for i := 0; i < total; {
		d.refill()
		e := codes[d.bits&(1<<precodeBits-1)]
		if e == 0 {
			return ErrCorrupt
		}
		d.take(e.allBits())
		symbol, repeat, length := e>>16, 1, e.literal()
		switch symbol {
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			repeat, length = int(d.take(2))+3, d.lengths[i-1]
		case 17:
			repeat, length = int(d.take(3))+3, 0
		case 18:
			repeat, length = int(d.take(7))+11, 0
		}
		if repeat > total-i || d.overrun() {
			return ErrCorrupt
		}
		for range repeat {
			d.lengths[i] = length
			i++
		}
	}
	return d.tables(lit, dist)
}

// tables builds the tables from the lengths of the codes: of lit literals and lengths, and behind them of dist distances.
func (d *Decoder) tables(lit, dist int) error {
	if d.lengths[endCode] == 0 ||
		!build(d.lit[:], d.lengths[:lit], litBits, litEntry) || !build(d.dist[:], d.lengths[lit:lit+dist], distBits, distEntry) {
		return ErrCorrupt
	}
	return nil
}

// symbols decodes the rest of a block.
func (d *Decoder) symbols() error {
	for {
		done, err := d.fast()
		if !done && err == nil {
			done, err = d.one()
		}
		if err != nil || done {
			return err
		}
	}
}

// one decodes a single symbol, where input or room are about to end.
func (d *Decoder) one() (done bool, err error) {
	d.refill()
	e, saved := d.find(d.lit[:], litBits), d.bits
	d.take(e.allBits())
	switch {
	case e == 0 || d.overrun():
		return false, ErrCorrupt
	case e&isEnd != 0:
		return true, nil
	case e&isLiteral != 0:
		if d.filled >= len(d.dst) {
			return false, ErrTooLong
		}
		d.dst[d.filled] = e.literal()
		d.filled++
		return false, nil
	}
	length := e.value(saved)
	e, saved = d.find(d.dist[:], distBits), d.bits
	d.take(e.allBits())
	distance := e.value(saved)
	switch {
	case e == 0 || d.overrun() || distance > d.filled:
		return false, ErrCorrupt
	case length > len(d.dst)-d.filled:
		return false, ErrTooLong
	}
	for range length {
		d.dst[d.filled] = d.dst[d.filled-distance]
		d.filled++
	}
	return false, nil
}

// find returns the entry for the next bits.
func (d *Decoder) find(table []entry, root uint) entry {
	e := table[d.bits&(1<<root-1)]
	if e&isSub != 0 {
		e = table[e.sub(d.bits, root)]
	}
	return e
}

const (
	// fastIn is how much input there must be for a round of fast, fastOut how much room: for two literals, the longest copy, and what copies write beyond their end.
	fastIn  = 16
	fastOut = 2 + 258 + 8
)

// fast decodes symbols as long as there is so much input and room that neither can end meanwhile. It returns true at the end of the block.
func (d *Decoder) fast() (done bool, err error) {
	src, dst := d.src, d.dst
	pos, buf, count, out := d.pos, d.bits, d.count, d.filled
	for pos+fastIn <= len(src) && out+fastOut <= len(dst) {
		buf |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
		pos += int(63-count) >> 3
		count |= 56
		e := d.lit[buf&(1<<litBits-1)]
		if e&isLiteral != 0 {
			dst[out] = e.literal()
			out++
			buf >>= e & allMask
			count -= uint(e & allMask)
			if e = d.lit[buf&(1<<litBits-1)]; e&isLiteral != 0 {
				dst[out] = e.literal()
				out++
				buf >>= e & allMask
				count -= uint(e & allMask)
				continue
			}
		}
		if e&isSub != 0 {
			if e = d.lit[e.sub(buf, litBits)]; e&isLiteral != 0 {
				dst[out] = e.literal()
				out++
				buf >>= e & allMask
				count -= uint(e & allMask)
				continue
			}
		}
		if e == 0 || e&isEnd != 0 {
			done = e != 0
			if !done {
				err = ErrCorrupt
			}
			buf >>= e & allMask
			count -= uint(e & allMask)
			break
		}
		length := e.value(buf)
		buf >>= e & allMask
		count -= uint(e & allMask)

		buf |= binary.LittleEndian.Uint64(src[pos:]) << (count & 63)
		pos += int(63-count) >> 3
		count |= 56
		e = d.dist[buf&(1<<distBits-1)]
		if e&isSub != 0 {
			e = d.dist[e.sub(buf, distBits)]
		}
		distance := e.value(buf)
		if e == 0 || distance > out {
			err = ErrCorrupt
			break
		}
		buf >>= e & allMask
		count -= uint(e & allMask)
		repeat(dst[:out+length+8], out, distance)
		out += length
	}
	d.pos, d.bits, d.count, d.filled = pos, buf, count, out
	return done, err
}

// repeat copies what is distance before out to the end of dst, but for the last 8 bytes; of those it may write some.
func repeat(dst []byte, out, distance int) {
	end := len(dst) - 8
	if distance < 8 {
		for ; out < end; out++ {
			dst[out] = dst[out-distance]
		}
		return
	}
	for from := out - distance; out < end; from, out = from+8, out+8 {
		binary.LittleEndian.PutUint64(dst[out:], binary.LittleEndian.Uint64(dst[from:]))
	}
}
