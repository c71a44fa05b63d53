package files

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"errors"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"

	"github.com/outflow/outflow/ingest/files/gunzip"
	"github.com/outflow/outflow/ingest/files/parquet"
)

// Limits on the structure of containers. Budget limits their content.
const (
	maxNesting   = 3        // containers within containers
	sniffSize    = 512      // bytes by which a container is recognised
	maxTarMember = 1 << 40  // bytes
	maxInnerZip  = 64 << 20 // bytes of a zip inside another container: it is held in memory
	maxDirectory = 16 << 20 // bytes of the directory of a zip: it is held in memory several times over
)

// notice is the reason why a file, or a part of it, has no records that can be read.
type notice struct {
	reason string
	failed bool // the content could not be read, as opposed to being of another kind
}

func (n *notice) Error() string { return n.reason }

// Readers are reused, since log deliveries are many small files.
var (
	buffers   = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}
	inflaters = sync.Pool{New: func() any { return new(gunzip.Reader) }}
)

// unpack recognises containers by their content, at any depth, and calls read for every plain
// text in them. A member of an archive is named name!member.
func (r *reader) unpack(name string, in io.Reader, depth int) error {
	br := buffers.Get().(*bufio.Reader)
	br.Reset(in)
	defer buffers.Put(br)
	head, err := br.Peek(sniffSize)
	if len(head) == 0 {
		if err != nil && err != io.EOF {
			return unreadable(err)
		}
		return &notice{reason: "empty file"}
	}

	if depth > maxNesting {
		return r.lost("archives nested deeper than 3")
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z := inflaters.Get().(*gunzip.Reader)
		defer inflaters.Put(z)
		if err := z.Reset(br); err != nil {
			return r.lost(damaged("gzip", err).reason)
		}
		return r.unpack(name, &inflating{&gzipMembers{z, br}, r.spent, "gzip"}, depth+1)

	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return r.lost(damaged("zstd", err).reason)
		}
		defer z.Close()
		return r.unpack(name, &inflating{z, r.spent, "zstd"}, depth+1)

	case bytes.HasPrefix(head, []byte("BZh")) && len(head) > 9 && (string(head[4:10]) == "1AY&SY" || string(head[4:10]) == "\x17rE8P\x90"):
		return r.unpack(name, &inflating{&bunzip{bzip2.NewReader(br), br}, r.spent, "bzip2"}, depth+1)

	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		z, err := openXZ(br)
		if err != nil {
			return r.lost(damaged("xz", err).reason)
		}
		return r.unpack(name, &inflating{z, r.spent, "xz"}, depth+1)

	case bytes.HasPrefix(head, []byte(parquet.Magic)):
		return r.parquet(name, br, depth)
	case bytes.HasPrefix(head, sevenZip):
		return r.un7zip(name, br, depth)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return r.unzip(name, br, depth)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return r.untar(name, br, depth)
	}

	if reason := foreign(head); reason != "" {
		r.rep.Parts++
		return &notice{reason: reason}
	}

	r.rep.Parts++
	if e := wideText(head); e != nil {
		return r.read(name, transform.NewReader(br, e.NewDecoder()))
	}
	return r.read(name, br)
}

// gzipMembers reads the members of a gzip file, one after another.
type gzipMembers struct {
	z  *gunzip.Reader
	in *bufio.Reader
}

// Read implements io.Reader.
func (g *gzipMembers) Read(p []byte) (int, error) {
	n, err := g.z.Read(p)
	if err != io.EOF {
		return n, err
	}
	if n > 0 {
		return n, nil
	}
	head, err := g.in.Peek(1)
	for err == nil && head[0] == 0 { // padding
		g.in.Discard(1)
		head, err = g.in.Peek(1)
	}
	if err != nil {
		return 0, err
	}
	if head[0] != 0x1f {
		return 0, errors.New("something else follows it")
	}
	return 0, g.z.Reset(g.in)
}

// bunzip reads a bzip2 file. The library takes the end of a file that is cut off for zeros.
type bunzip struct {
	io.Reader
	in *bufio.Reader
}

// Read implements io.Reader.
func (z *bunzip) Read(p []byte) (int, error) {
	n, err := z.Reader.Read(p)
	if structure := bzip2.StructuralError(""); errors.As(err, &structure) {
		if _, end := z.in.Peek(1); end == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

// damaged is the error for a container of a kind that cannot be unpacked, in plain words.
func damaged(kind string, err error) *notice {
	n := (*notice)(nil)
	switch {
	case errors.As(err, &n):
		return n
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return &notice{"the " + kind + " is cut off: its end is missing", true}
	}
	return &notice{"damaged " + kind + ": " + err.Error(), true}
}

// lost counts a part that cannot be read and returns its notice.
func (r *reader) lost(reason string) *notice {
	r.rep.Parts++
	return &notice{reason, true}
}

var nothingIn = &notice{reason: "an archive with nothing in it"}

// unreadable turns an error of reading into a notice.
func unreadable(err error) *notice {
	if n := (*notice)(nil); errors.As(err, &n) {
		return n
	}
	return &notice{err.Error(), true}
}

// foreign describes a file that is recognised, but cannot hold records; "" for any other.
func foreign(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("PARE")):
		return "encrypted Parquet file"
	case bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "an Office file of the old kind, or with a password: save it as .xlsx or CSV"
	case bytes.HasPrefix(head, []byte("Obj\x01")):
		return "Avro file: export it as JSON lines"
	case bytes.HasPrefix(head, []byte("%PDF")), bytes.HasPrefix(head, []byte("MZ")), bytes.HasPrefix(head, []byte("\x7fELF")),
		bytes.HasPrefix(head, []byte("SQLite format 3")):
		return "not a log file"
	case isHTML(head):
		return "an HTML page: was a login page saved instead of the export?"
	}
	return ""
}

// wideText returns the encoding of UTF-16 and UTF-32 text, or nil. Text without a byte order
// mark is recognised by the zero bytes beside ASCII characters.
func wideText(head []byte) encoding.Encoding {
	zero := func(at ...int) bool {
		for _, i := range at {
			if head[i] != 0 || head[i^1] == 0 {
				return false
			}
		}
		return true
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xfe, 0xff}):
		return utf32.UTF32(utf32.LittleEndian, utf32.ExpectBOM)
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case len(head) < 8:
	case zero(1, 3, 5, 7):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zero(0, 2, 4, 6):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// isHTML reports whether a file is HTML or XML.
func isHTML(head []byte) bool {
	h := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, utf8BOM)))
	return bytes.HasPrefix(h, []byte("<!doctype")) || bytes.HasPrefix(h, []byte("<html")) || bytes.HasPrefix(h, []byte("<?xml"))
}

var utf8BOM = []byte{0xef, 0xbb, 0xbf}

// unzip reads the members of a zip archive. A zip needs random access, so a zip inside
// another container is held in memory.
func (r *reader) unzip(name string, in *bufio.Reader, depth int) error {
	at, size, err := r.random(in, depth)
	if err != nil {
		return err
	}
	z, err := openZip(at, size)
	if err != nil {
		return err
	}

	if err := apart(z.File); err != nil {
		return err
	}
	for _, m := range z.File {
		switch m.Name {
		case "xl/workbook.xml":
			return r.workbook(name, z)
		case "xl/workbook.bin":
			r.rep.Parts++
			return &notice{reason: "binary Excel workbook: save it as .xlsx or CSV"}
		}
	}
	if !slices.ContainsFunc(z.File, func(m *zip.File) bool { return !m.FileInfo().IsDir() }) {
		return nothingIn
	}
	var errs []error
	for _, m := range z.File {
		if err := r.spent.check(); err != nil {
			return errors.Join(append(errs, memberError(name+"!"+m.Name, unreadable(err)))...)
		}
		if m.FileInfo().IsDir() {
			continue
		}
		errs = append(errs, member(name+"!"+m.Name, func(inner string) error {
			if m.Flags&1 != 0 {
				return r.lost("encrypted member of a zip")
			}
			f, err := m.Open()
			if err != nil {
				return r.lost(damaged("zip member", err).reason)
			}
			defer f.Close()
			return r.unpack(inner, &inflating{f, r.spent, "zip member"}, depth+1)
		}))
	}

	return errors.Join(errs...)
}

// random returns random access to a zip, and its size.
func (r *reader) random(in *bufio.Reader, depth int) (io.ReaderAt, int64, error) {
	if r.whole != nil && depth == 0 {
		return r.whole, r.whole.Size(), nil
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInnerZip+1))
	if n := (*notice)(nil); errors.As(err, &n) {
		return nil, 0, n
	} else if err != nil {
		return nil, 0, damaged("zip", err)
	}
	if len(b) > maxInnerZip {
		return nil, 0, &notice{"an archive of over 64 MiB inside another container: unpack it first", true}
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

// openZip reads the directory of a zip, unless it is larger than maxDirectory.
func openZip(at io.ReaderAt, size int64) (*zip.Reader, error) {
	limited := &limitedAt{at, maxDirectory}
	z, err := zip.NewReader(limited, size)
	if limited.left < 0 {
		return nil, &notice{"a zip with a directory of over 16 MiB: unpack it first", true}
	}
	if errors.Is(err, zip.ErrFormat) {
		return nil, &notice{"damaged zip, or cut off: its directory, at the end, is missing", true}
	}
	if err != nil {
		return nil, damaged("zip", err)
	}
	limited.left = math.MaxInt64
	return z, nil
}

// limitedAt is a file of which a limited number of bytes may be read.
type limitedAt struct {
	io.ReaderAt
	left int64 // bytes
}

// ReadAt implements io.ReaderAt.
func (l *limitedAt) ReadAt(p []byte, off int64) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, errors.New("limit exceeded")
	}
	return l.ReaderAt.ReadAt(p, off)
}

// apart returns an error if members of a zip overlap. Overlapping members let a small file
// inflate to any size, and no honest tool writes them.
func apart(list []*zip.File) error {
	type span struct{ from, to uint64 }
	spans := make([]span, 0, len(list))
	for _, m := range list {
		at, err := m.DataOffset()
		if err != nil || m.CompressedSize64 == 0 {
			continue // a damaged member is reported when it is read
		}
		spans = append(spans, span{uint64(at), uint64(at) + m.CompressedSize64})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return &notice{"members of the zip overlap: none of them is read", true}
		}
	}
	return nil
}

// untar reads the members of a tar archive.
func (r *reader) untar(name string, in io.Reader, depth int) error {
	t := tar.NewReader(in)
	var errs []error
	for members := 0; ; members++ {
		h, err := t.Next()
		if err == io.EOF && members == 0 {
			return nothingIn
		}
		if err == io.EOF {
			return errors.Join(errs...)
		}
		if err == nil {
			err = r.spent.check()
		}
		if n := (*notice)(nil); errors.As(err, &n) {
			return errors.Join(append(errs, memberError(name, n))...)
		} else if err != nil {
			r.rep.Parts++
			return errors.Join(append(errs, memberError(name, damaged("tar", err)))...)
		}
		if h.Typeflag == tar.TypeReg && h.Size < maxTarMember { // sparse members inflate, too
			errs = append(errs, member(name+"!"+h.Name, func(inner string) error {
				return r.unpack(inner, &inflating{t, r.spent, "tar"}, depth+1)
			}))
		}
	}
}

// member reads one member of an archive. Its error does not stop the others.
func member(name string, read func(name string) error) error {
	return memberError(name, read(name))
}

// misfit is the notice of a member of an archive.
type misfit struct {
	name string
	*notice
}

// memberError ties a notice to a member. Other errors name theirs already.
func memberError(name string, err error) error {
	if n, ok := err.(*notice); ok {
		return &misfit{name, n}
	}
	return err
}
