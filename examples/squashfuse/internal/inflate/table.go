package inflate

import "math/bits"

// entry is what a table has for the next bits: what they stand for, and how many of them do.
//
//	0-5    bits of the code, and those that follow it and belong to it
//	8-11   bits of the code
//	13-15  flags
//	16-31  a literal, or the least length or distance, or where in the table the bits after these are to be looked up
//
// 0 is no code.
type entry uint32

const (
	allMask   = 0x3f
	codeShift = 8
	isLiteral = 1 << 13
	isEnd     = 1 << 14
	isSub     = 1 << 15
)

func (e entry) allBits() uint { return uint(e & allMask) }
func (e entry) literal() byte { return byte(e >> 16) }

// value returns a length or distance: the least one, and what the bits behind the code add.
func (e entry) value(bits uint64) int {
	return int(e>>16) + int(bits&(1<<(e&allMask)-1)>>(e>>codeShift&0xf))
}

// sub returns where in the table the entry is for a code of more than root bits. How many more is where others have the bits of the code.
func (e entry) sub(bits uint64, root uint) uint64 {
	return uint64(e>>16) + bits>>root&(1<<(e>>codeShift&0xf)-1)
}

// The sizes of the tables, and the bits that are looked up at once. Longer codes take a second look, at a table behind the first. As many entries are enough
// for all codes of 288 or 32 symbols and up to 15 bits.
const (
	litBits       = 11
	distBits      = 8
	precodeBits   = 7
	litTableSize  = 2400
	distTableSize = 512
)

var (
	lengthBase  = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [...]uint16{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
	}
	distExtra = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// litEntry returns what a symbol of the first table stands for, 0 if for nothing.
func litEntry(symbol int) entry {
	switch {
	case symbol < endCode:
		return entry(symbol)<<16 | isLiteral
	case symbol == endCode:
		return isEnd
	case symbol-endCode > len(lengthBase):
		return 0
	}
	return entry(lengthBase[symbol-endCode-1])<<16 | entry(lengthExtra[symbol-endCode-1])
}

func distEntry(symbol int) entry {
	if symbol >= len(distBase) {
		return 0
	}
	return entry(distBase[symbol])<<16 | entry(distExtra[symbol])
}

// build makes the table of a code with symbols of these lengths, where 0 is none. It reports whether there is such a code.
func build(table []entry, lengths []uint8, root uint, entryOf func(symbol int) entry) bool {
	var counts, next [codeMax + 2]uint
	longest := uint(0)
	for _, n := range lengths {
		counts[n]++
		longest = max(longest, uint(n))
	}
	counts[0] = 0
	left := 1
	for n := 1; n <= codeMax; n++ {
		left = left<<1 - int(counts[n])
		next[n+1] = (next[n] + counts[n]) << 1
		if left < 0 {
			return false
		}
	}
	if left > 0 && longest > 1 { // a single code, or none, may leave some unused
		return false
	}
	clear(table)
	b := builder{table: table, root: root, free: 1 << root}
	if longest > root {
		b.findLongest(lengths, next)
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		code := reverse(next[n], uint(n))
		next[n]++
		if e := entryOf(symbol); e != 0 && !b.put(code, uint(n), e) {
			return false
		}
	}
	return true
}

// builder fills a table.
type builder struct {
	table   []entry
	root    uint
	free    int                 // where the next table of second looks may be
	longest [1 << litBits]uint8 // by the first bits: the length of the longest code that begins with them, if it is longer than root
}

// findLongest notes the lengths of codes that take a second look.
func (b *builder) findLongest(lengths []uint8, next [codeMax + 2]uint) {
	for _, n := range lengths {
		if n == 0 {
			continue
		}
		code := reverse(next[n], uint(n))
		next[n]++
		if uint(n) > b.root {
			first := code & (1<<b.root - 1)
			b.longest[first] = max(b.longest[first], n)
		}
	}
}

// put enters a code, wherever its bits are the lowest.
func (b *builder) put(code, n uint, e entry) bool {
	e += entry(n) | entry(n)<<codeShift
	table, step := b.table[:1<<b.root], uint(1)<<n
	if n > b.root {
		first := code & (1<<b.root - 1)
		more := uint(b.longest[first]) - b.root
		if table[first] == 0 {
			if b.free+1<<more > len(b.table) {
				return false
			}
			table[first] = entry(b.free)<<16 | isSub | entry(more)<<codeShift | entry(b.root)
			b.free += 1 << more
		}
		at := table[first] >> 16
		table = b.table[at : at+1<<more]
		code >>= b.root
		step >>= b.root
	}
	for ; code < uint(len(table)); code += step {
		table[code] = e
	}
	return true
}

// reverse turns the lowest n bits of a code around: a code's highest bit comes first, and any other number's lowest.
func reverse(code, n uint) uint { return uint(bits.Reverse16(uint16(code)) >> (16 - n)) }
