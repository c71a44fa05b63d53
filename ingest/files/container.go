package files

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// Limits on what a container may hold. A log compresses well, a bomb better.
const (
	maxNesting   = 3         // containers within containers
	maxRatio     = 400       // inflated to stored bytes, once freeLunch is used up
	freeLunch    = 256 << 20 // inflated bytes that are always allowed
	sniffSize    = 512
	maxTarMember = 1 << 40
)

// A notice is why a file, or a part of it, holds no records for us.
type notice struct {
	reason string
	failed bool // the content could not be read, as opposed to being of another kind
}

func (n *notice) Error() string { return n.reason }

// Log deliveries are many small files: what reads them is used again.
var (
	buffers   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}
	inflaters = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

// unpack finds out by content what a stream is and calls read for every plain
// member of it. The name of a member of an archive is name!member.
func unpack(name string, r io.Reader, stored *counter, depth int, read func(name string, r io.Reader) error) error {
	br := buffers.Get().(*bufio.Reader)
	br.Reset(r)
	defer buffers.Put(br)
	head, err := br.Peek(sniffSize)
	if len(head) == 0 {
		if err != nil && err != io.EOF {
			return &notice{err.Error(), true}
		}
		return &notice{reason: "empty file"}
	}
	if depth > maxNesting {
		return &notice{"archives nested deeper than 3", true}
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z := inflaters.Get().(*gzip.Reader)
		defer inflaters.Put(z)
		if err := z.Reset(br); err != nil {
			return &notice{"damaged gzip: " + err.Error(), true}
		}
		return unpack(name, &bounded{r: z, stored: stored, what: "gzip"}, stored, depth+1, read)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return &notice{"damaged zstd: " + err.Error(), true}
		}
		defer z.Close()
		return unpack(name, &bounded{r: z, stored: stored, what: "zstd"}, stored, depth+1, read)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return unzip(name, br, stored, depth, read)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return untar(name, br, stored, depth, read)
	case bytes.HasPrefix(head, []byte("PAR1")):
		return &notice{reason: "Parquet file: export it as JSON lines or CSV"}
	case bytes.HasPrefix(head, []byte("Obj\x01")):
		return &notice{reason: "Avro file: export it as JSON lines"}
	case bytes.HasPrefix(head, []byte("%PDF")), bytes.HasPrefix(head, []byte("MZ")), bytes.HasPrefix(head, []byte("\x7fELF")), bytes.HasPrefix(head, []byte("SQLite format 3")):
		return &notice{reason: "not a log file"}
	case isHTML(head):
		return &notice{reason: "an HTML page: was a login page saved instead of the export?"}
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
		return read(name, transform.NewReader(br, utf16.NewDecoder()))
	}
	return read(name, br)
}

func isHTML(head []byte) bool {
	h := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, utf8BOM)))
	return bytes.HasPrefix(h, []byte("<!doctype")) || bytes.HasPrefix(h, []byte("<html")) || bytes.HasPrefix(h, []byte("<?xml"))
}

var utf8BOM = []byte{0xef, 0xbb, 0xbf}

// unzip reads the members of a zip archive. A zip needs random access, so one
// that is not itself the file is held in memory, within limits.
func unzip(name string, r *bufio.Reader, stored *counter, depth int, read func(string, io.Reader) error) error {
	var at io.ReaderAt
	var size int64
	if f, ok := stored.r.(*os.File); ok && depth == 0 {
		st, err := f.Stat()
		if err != nil {
			return &notice{err.Error(), true}
		}
		at, size = f, st.Size()
	} else {
		const limit = 64 << 20
		b, err := io.ReadAll(io.LimitReader(r, limit+1))
		if err != nil {
			return &notice{"damaged zip: " + err.Error(), true}
		}
		if len(b) > limit {
			return &notice{"a zip of over 64 MiB inside another container: unpack it first", true}
		}
		at, size = bytes.NewReader(b), int64(len(b))
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return &notice{"damaged zip: " + err.Error(), true}
	}
	for _, m := range z.File {
		if m.Name == "xl/workbook.xml" {
			return &notice{reason: "Excel workbook: save the sheet as CSV"}
		}
	}
	var errs []error
	for _, m := range z.File {
		if m.FileInfo().IsDir() {
			continue
		}
		errs = append(errs, member(name+"!"+m.Name, func(inner string) error {
			if m.Flags&1 != 0 {
				return &notice{"encrypted member of a zip", true}
			}
			f, err := m.Open()
			if err != nil {
				return &notice{"damaged zip member: " + err.Error(), true}
			}
			defer f.Close()
			own := &counter{r: f, n: int64(m.CompressedSize64)}
			return unpack(inner, &bounded{r: f, stored: own, what: "zip"}, own, depth+1, read)
		}))
	}
	stored.n = size
	return errors.Join(errs...)
}

func untar(name string, r io.Reader, stored *counter, depth int, read func(string, io.Reader) error) error {
	t := tar.NewReader(r)
	var errs []error
	for {
		h, err := t.Next()
		if err == io.EOF {
			return errors.Join(errs...)
		}
		if err != nil {
			return errors.Join(append(errs, memberError(name, &notice{"damaged tar: " + err.Error(), true}))...)
		}
		if h.Typeflag == tar.TypeReg && h.Size < maxTarMember {
			errs = append(errs, member(name+"!"+h.Name, func(inner string) error {
				return unpack(inner, t, stored, depth+1, read)
			}))
		}
	}
}

// member reads one member of an archive; what is wrong with it does not stop
// the others.
func member(name string, read func(name string) error) error {
	return memberError(name, read(name))
}

// A misfit ties a notice to the member it is about.
type misfit struct {
	name string
	*notice
}

func memberError(name string, err error) error {
	if n, ok := err.(*notice); ok {
		return &misfit{name, n}
	}
	return err
}

// counter counts the bytes that were read from a file.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded stops a stream that inflates beyond all reason.
type bounded struct {
	r      io.Reader
	stored *counter
	what   string
	n      int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.n += int64(n); b.n > freeLunch && b.n > maxRatio*max(b.stored.n, 1) {
		return n, fmt.Errorf("%s inflates to more than %d times its size: not read further", b.what, maxRatio)
	}
	return n, err
}
