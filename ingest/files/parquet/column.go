package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathbits "math/bits"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// column reads the values of a column, with their levels: at which depth a value is missing, and
// at which depth of lists it follows the one before.
type column struct {
	element
	path           string
	maxDef, maxRep int
	file           *File
	chunk          chunk
	at             int64 // of the next page in the file
	left           int64 // values of the chunk that are in no page read so far
	inPage         int64 // values of the page that are not read
	dictionary     []value
	held           int64 // bytes of the dictionary
	data           []byte
	repeats        hybrid
	defines        hybrid
	values         values
	def, rep       int
	loaded         bool // def and rep are those of the current value
}

// begin begins with a row group.
func (c *column) begin(k chunk) error {
	if k.physical != c.physical {
		return fmt.Errorf("column %s: its type differs from that of the schema", c.path)
	}
	c.file.held -= c.held + int64(cap(c.data))
	c.chunk, c.at, c.left, c.inPage, c.loaded = k, k.from, k.values, 0, false
	c.dictionary, c.held, c.data = nil, 0, nil
	return nil
}

// load reads the levels of the current value. It returns io.EOF behind the last one.
func (c *column) load() error {
	if c.loaded {
		return nil
	}
	for c.inPage == 0 {
		if c.left == 0 {
			return io.EOF
		}
		if err := c.nextPage(); err != nil {
			return fmt.Errorf("column %s: %w", c.path, err)
		}
	}
	c.def, c.rep = 0, 0
	if c.maxRep > 0 {
		v, err := c.repeats.next()
		if err != nil || int(v) > c.maxRep {
			return fmt.Errorf("column %s: %w", c.path, errPage)
		}
		c.rep = int(v)
	}
	if c.maxDef > 0 {
		v, err := c.defines.next()
		if err != nil || int(v) > c.maxDef {
			return fmt.Errorf("column %s: %w", c.path, errPage)
		}
		c.def = int(v)
	}
	c.inPage--
	c.loaded = true
	return nil
}

// skip skips the current value, which has none or is not wanted.
func (c *column) skip() error {
	if err := c.load(); err != nil {
		return c.short(err)
	}
	if c.def == c.maxDef {
		if _, err := c.values.next(); err != nil {
			return fmt.Errorf("column %s: %w", c.path, err)
		}
	}
	c.loaded = false
	return nil
}

// short turns the end of a column into an error.
func (c *column) short(err error) error {
	if err == io.EOF {
		return fmt.Errorf("column %s: values are missing", c.path)
	}
	return err
}

// take returns the current value, which is not missing.
func (c *column) take() (value, error) {
	v, err := c.values.next()
	if err != nil {
		return v, fmt.Errorf("column %s: %w", c.path, err)
	}
	c.loaded = false
	return v, nil
}

// maxHeader is the longest header of a page: statistics in it repeat values.
const maxHeader = 1 << 20

// nextPage reads the next page with values.
func (c *column) nextPage() error {
	for {
		end := c.chunk.from + c.chunk.size
		if c.at >= end {
			return errors.New("values are missing")
		}
		p, err := c.header(end)
		if err != nil {
			return err
		}
		if p.packed < 0 || p.packed > end-c.at || p.size < 0 || p.values < 0 {
			return errPage
		}
		if p.size > maxPage || p.packed > maxPage {
			return errors.New("a page of over 64 MiB: write the file with smaller ones")
		}
		from := c.at
		c.at += p.packed
		switch {
		case p.kind == 2 && c.dictionary == nil:
			err = c.readDictionary(p, from)
		case p.kind == 0 || p.kind == 3:
			if p.values == 0 {
				continue
			}
			if p.values > c.left {
				return errPage
			}
			c.left -= p.values
			c.inPage = p.values
			return c.readData(p, from)
		}
		if err != nil {
			return err
		}
	}
}

// header reads the header of the page that begins at c.at, and goes to its data.
func (c *column) header(end int64) (page, error) {
	for size := int64(256); ; size *= 8 {
		b := c.file.scratch(min(size, end-c.at))
		if _, err := c.file.in.ReadAt(b, c.at); err != nil && err != io.EOF {
			return page{}, err
		}
		t := &thrift{b: b}
		p := readPage(t)
		if t.err == nil {
			c.at += int64(len(b) - len(t.b))
			return p, nil
		}
		if int64(len(b)) == end-c.at || size > maxHeader {
			return page{}, errPage
		}
	}
}

// unpack reads the data of a page, of which the first bytes, plain, are not packed.
func (c *column) unpack(p page, from, plain int64, packed bool) ([]byte, error) {
	if plain < 0 || plain > p.packed || plain > p.size {
		return nil, errPage
	}
	if !packed || c.chunk.codec == 0 {
		p.size = p.packed
	}
	if c.file.held -= int64(cap(c.data)); c.file.held+p.size > maxHeld {
		return nil, errors.New("pages of over 256 MiB together: write the file with smaller row groups or pages")
	}
	if int64(cap(c.data)) < p.size {
		c.data = make([]byte, p.size)
	}
	c.data = c.data[:p.size]
	c.file.held += int64(cap(c.data))
	if err := c.file.spend(int(p.size)); err != nil {
		return nil, err
	}
	in := c.data
	if packed && c.chunk.codec != 0 {
		in = c.file.scratch(p.packed)
	}
	if _, err := c.file.in.ReadAt(in[:p.packed], from); err != nil {
		return nil, err
	}
	if !packed || c.chunk.codec == 0 {
		return c.data, nil
	}
	copy(c.data, in[:plain])
	return c.data, c.file.inflate(c.chunk.codec, c.data[plain:], in[plain:p.packed])
}

// readDictionary reads a dictionary.
func (c *column) readDictionary(p page, from int64) error {
	b, err := c.unpack(p, from, 0, true)
	if err != nil {
		return err
	}
	if p.encoding != 0 && p.encoding != 2 {
		return errPage
	}
	least := width(c.physical, c.length)
	if least == 0 {
		least = 4
	}
	if p.values > int64(len(b)/least) || c.physical == boolean {
		return errPage
	}
	b = bytes.Clone(b)
	c.held = int64(len(b)) + 40*p.values
	if c.file.held += c.held; c.file.held > maxHeld {
		return errors.New("dictionaries of over 256 MiB together: write the file with smaller row groups")
	}
	c.dictionary = make([]value, p.values)
	from0 := &plain{b: b, physical: c.physical, length: width(c.physical, c.length)}
	for i := range c.dictionary {
		if c.dictionary[i], err = from0.next(); err != nil {
			return err
		}
	}
	return nil
}

// readData begins with a page of values.
func (c *column) readData(p page, from int64) error {
	levels := int64(0)
	if p.kind == 3 {
		levels = p.repBytes + p.defBytes
	}
	if p.repBytes < 0 || p.defBytes < 0 {
		return errPage
	}
	b, err := c.unpack(p, from, levels, !p.uncompressed)
	if err != nil {
		return err
	}
	next := func(max int, size int64) ([]byte, error) {
		if p.kind == 0 {
			if max == 0 {
				return nil, nil
			}
			if p.levels != 3 {
				return nil, errors.New("levels in an encoding that is no longer used")
			}
			if len(b) < 4 {
				return nil, errPage
			}
			size, b = int64(binary.LittleEndian.Uint32(b)), b[4:]
		}
		if size > int64(len(b)) {
			return nil, errPage
		}
		l := b[:size]
		b = b[size:]
		return l, nil
	}
	r, err := next(c.maxRep, p.repBytes)
	if err != nil {
		return err
	}
	d, err := next(c.maxDef, p.defBytes)
	if err != nil {
		return err
	}
	c.repeats = hybrid{b: r, width: uint(mathbits.Len(uint(c.maxRep)))}
	c.defines = hybrid{b: d, width: uint(mathbits.Len(uint(c.maxDef)))}
	c.values, err = c.decoder(p.encoding, b)
	return err
}

// decoder returns what decodes values in an encoding.
func (c *column) decoder(encoding int64, b []byte) (values, error) {
	n := width(c.physical, c.length)
	integer := c.physical == int32s || c.physical == int64s
	text := c.physical == byteArray || c.physical == fixed
	switch {
	case encoding == 0:
		return &plain{b: b, physical: c.physical, length: n}, nil
	case encoding == 2 || encoding == 8:
		if len(b) == 0 {
			return &indexes{}, nil
		}
		if b[0] > 32 {
			return nil, errPage
		}
		return &indexes{hybrid{b: b[1:], width: uint(b[0])}, c.dictionary}, nil
	case encoding == 3 && c.physical == boolean:
		if len(b) < 4 {
			return nil, errPage
		}
		return &runs{hybrid{b: b[4:], width: 1}}, nil
	case encoding == 5 && integer:
		if len(b) == 0 {
			return &plain{}, nil
		}
		d, err := newDeltas(b, c.physical == int32s)
		return numbers{d}, err
	case (encoding == 6 || encoding == 7) && text:
		if len(b) == 0 {
			return &plain{physical: byteArray}, nil
		}
		return newLengths(b, encoding == 7)
	case encoding == 9 && n > 0:
		return &split{b: b, physical: c.physical, length: n}, nil
	}
	return nil, fmt.Errorf("values in an unknown encoding (%d)", encoding)
}

// codecs are the names of those that are not read.
var codecs = map[int64]string{3: "LZO", 5: "LZ4 of Hadoop"}

// inflate unpacks all of in to out, whose length it must have.
func (f *File) inflate(codec int64, out, in []byte) error {
	if len(out) == 0 {
		return nil
	}
	var err error
	switch codec {
	case 1:
		n := 0
		if n, err = snappy.DecodedLen(in); err == nil && n == len(out) {
			_, err = snappy.Decode(out, in)
		} else {
			err = errPage
		}
	case 2:
		if f.gzip == nil {
			f.gzip, err = gzip.NewReader(bytes.NewReader(in))
		} else {
			err = f.gzip.Reset(bytes.NewReader(in))
		}
		if err == nil {
			_, err = io.ReadFull(f.gzip, out)
		} else {
			f.gzip = nil
		}
	case 4:
		_, err = io.ReadFull(brotli.NewReader(bytes.NewReader(in)), out)
	case 6:
		if f.zstd == nil {
			f.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage),
				zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				return err
			}
		}
		var b []byte
		if b, err = f.zstd.DecodeAll(in, out[:0:len(out)]); err == nil && len(b) != len(out) {
			err = errPage
		}
	case 7:
		n := 0
		if n, err = lz4.UncompressBlock(in, out); err == nil && n != len(out) {
			err = errPage
		}
	default:
		if name := codecs[codec]; name != "" {
			return errors.New("packed with " + name + ": write it with zstd or snappy")
		}
		return fmt.Errorf("packed in an unknown way (%d)", codec)
	}
	if err != nil {
		return errPage
	}
	return nil
}
