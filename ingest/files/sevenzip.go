package files

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/bodgit/sevenzip"
	"github.com/ulikunitz/xz/lzma"
)

// sevenZip is how a 7-Zip archive begins.
var sevenZip = []byte("7z\xbc\xaf\x27\x1c")

// opening is held while a 7-Zip archive or a member of it is opened. Meanwhile directory is what
// may still come out of packed directories; nil if a member is opened.
var opening struct {
	sync.Mutex
	directory *int64
}

var errSevenZip = errors.New("a method other than LZMA, LZMA2, Deflate and bzip2, or a password: unpack it first")

// The library's decompressors take as much memory as an archive asks for, and write directories
// of any size. These do not.
func init() {
	sevenzip.RegisterDecompressor([]byte{0x03, 0x01, 0x01}, unpackLZMA)
	sevenzip.RegisterDecompressor([]byte{0x21}, unpackLZMA2)
	for _, method := range []string{
		"\x03\x04\x01",     // PPMd
		"\x04\xf7\x11\x01", // Zstandard
		"\x04\xf7\x11\x02", // Brotli
		"\x04\xf7\x11\x04", // LZ4
		"\x06\xf1\x07\x01", // AES
	} {
		sevenzip.RegisterDecompressor([]byte(method), func([]byte, uint64, []io.ReadCloser) (io.ReadCloser, error) {
			return nil, errSevenZip
		})
	}
}

// unpackLZMA opens a stream packed with LZMA.
func unpackLZMA(properties []byte, size uint64, from []io.ReadCloser) (io.ReadCloser, error) {
	if len(properties) != 5 || len(from) != 1 {
		return nil, errSevenZip
	}
	if binary.LittleEndian.Uint32(properties[1:]) > maxDictionary {
		return nil, errDictionary
	}
	head := binary.LittleEndian.AppendUint64(bytes.Clone(properties), size)
	z, err := lzma.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(head), from[0])))
	if err != nil {
		return nil, err
	}
	return &unpacking{z, from[0], opening.directory}, nil
}

// unpackLZMA2 opens a stream packed with LZMA2.
func unpackLZMA2(properties []byte, _ uint64, from []io.ReadCloser) (io.ReadCloser, error) {
	if len(properties) != 1 || len(from) != 1 || properties[0] > 40 {
		return nil, errSevenZip
	}
	size := (2 | int64(properties[0]&1)) << (properties[0]/2 + 11)
	if size > maxDictionary {
		return nil, errDictionary
	}
	z, err := lzma.Reader2Config{DictCap: int(size)}.NewReader2(bufio.NewReader(from[0]))
	if err != nil {
		return nil, err
	}
	return &unpacking{z, from[0], opening.directory}, nil
}

// unpacking is a stream in a 7-Zip archive.
type unpacking struct {
	io.Reader
	io.Closer
	left *int64 // bytes that may come out; nil for any number
}

// Read implements io.Reader.
func (u *unpacking) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if u.left != nil {
		if *u.left -= int64(n); *u.left < 0 {
			return n, &notice{"a 7-Zip archive with a directory of over 16 MiB: unpack it first", true}
		}
	}
	return n, err
}

// un7zip reads the members of a 7-Zip archive. It needs random access, as a zip does.
func (r *reader) un7zip(name string, in *bufio.Reader, depth int) error {
	at, size, err := r.random(in, depth)
	if err != nil {
		return err
	}
	z, err := open7zip(at, size)
	if err != nil {
		return damaged("7-Zip archive", err)
	}
	var errs []error
	some := false
	for _, m := range z.File {
		if err := r.spent.check(); err != nil {
			return errors.Join(append(errs, memberError(name+"!"+m.Name, unreadable(err)))...)
		}
		if m.FileInfo().IsDir() {
			continue
		}
		some = true
		errs = append(errs, member(name+"!"+m.Name, func(inner string) error {
			opening.Lock()
			opening.directory = nil
			f, err := m.Open()
			opening.Unlock()
			if err != nil {
				return r.lost(damaged("7-Zip member", err).reason)
			}
			defer f.Close()
			return r.unpack(inner, &inflating{f, r.spent, "7-Zip member"}, depth+1)
		}))
	}
	if !some {
		return nothingIn
	}
	return errors.Join(errs...)
}

// open7zip reads the directory of a 7-Zip archive, unless it is larger than maxDirectory.
func open7zip(at io.ReaderAt, size int64) (*sevenzip.Reader, error) {
	limited := &limitedAt{at, 3 * maxDirectory} // the library searches and checks it, too
	left := int64(maxDirectory)
	opening.Lock()
	opening.directory = &left
	defer func() {
		opening.directory = nil
		opening.Unlock()
	}()
	z, err := sevenzip.NewReader(limited, size)
	limited.left = 1 << 62
	return z, err
}
