package gunzip

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// texts are contents of all sorts: what repeats near and far, what does not, and what ends around the limits.
func texts() map[string]string {
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 300_000)
	random.Read(noise)
	var records, far strings.Builder
	for i := range 4_000 {
		fmt.Fprintf(&records, `{"eventVersion":"1.09","eventName":"GetObject","key":"part-%05d","id":"%x"},`, i*7919%5000, noise[i*16:i*16+16])
	}
	for range 6 {
		far.Write(noise[:history])
	}
	all := map[string]string{
		"nothing": "", "a byte": "a", "records": records.String(), "noise": string(noise), "far": far.String(),
		"one letter": strings.Repeat("a", 700_000), "a limit": strings.Repeat("abc", full/3+1)[:full-1], "beyond": strings.Repeat("x1", full/2) + "yz",
	}
	for n := 2; n < 40; n++ { // matches of every short distance
		all[fmt.Sprintf("every %d", n)] = strings.Repeat(string(noise[:n]), 50) + "." + strings.Repeat(string(noise[n:2*n]), 3)
	}
	return all
}

// pack returns a member. Level 10 stands for fixed codes.
func pack(text string, level int) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	w.Name, w.Comment, w.Extra = "name", "a comment", []byte("extra")
	for len(text) > 0 {
		n := min(len(text), 150_000)
		io.WriteString(w, text[:n])
		if text = text[n:]; len(text)%2 == 1 {
			w.Flush() // an empty stored block
		}
	}
	w.Close()
	return b.Bytes()
}

var levels = []int{flate.NoCompression, flate.BestSpeed, flate.DefaultCompression, flate.BestCompression, flate.HuffmanOnly}

func inflated(in io.Reader, size int) (string, error) {
	r := new(Reader)
	br := bufio.NewReaderSize(in, size)
	if err := r.Reset(br); err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// TestReader checks that members are read as they were written, however the input arrives.
func TestReader(t *testing.T) {
	for name, text := range texts() {
		for _, level := range levels {
			packed := pack(text, level)
			for way, in := range map[string]io.Reader{
				"whole": bytes.NewReader(packed), "by the byte": iotest.OneByteReader(bytes.NewReader(packed)),
				"halves": iotest.HalfReader(bytes.NewReader(packed)), "data with EOF": iotest.DataErrReader(bytes.NewReader(packed)),
			} {
				for _, size := range []int{16, 4096, 1 << 16} {
					if got, err := inflated(in, size); err != nil || got != text {
						t.Fatalf("%s, level %d, %s, %d: %d of %d bytes, %v", name, level, way, size, len(got), len(text), err)
					}
					in = bytes.NewReader(packed)
				}
			}
		}
	}
}

// TestBehind checks that the input is just behind a member at its end, and that a reader can be used again.
func TestBehind(t *testing.T) {
	one, two := pack("one", flate.BestSpeed), pack(strings.Repeat("two", 99), flate.NoCompression)
	in := bufio.NewReader(bytes.NewReader(append(append(append([]byte{}, one...), two...), "rest"...)))
	r := new(Reader)
	for _, want := range []string{"one", strings.Repeat("two", 99)} {
		if err := r.Reset(in); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if rest, _ := io.ReadAll(in); string(rest) != "rest" {
		t.Errorf("behind it: %q", rest)
	}
}

// TestReadError checks that an error of the input is returned as it is.
func TestReadError(t *testing.T) {
	packed := pack(texts()["records"], flate.BestSpeed)
	broken := errors.New("broken")
	for _, at := range []int{5, 40, len(packed) / 2, len(packed) - 3} {
		if _, err := inflated(io.MultiReader(bytes.NewReader(packed[:at]), iotest.ErrReader(broken)), 4096); err != broken {
			t.Errorf("after %d bytes: %v", at, err)
		}
	}
}

// alike checks that a Reader does with a file what the standard library does. Of a damaged one it may return more, or notice the
// damage before the end: the library looks for the end of a block before it decodes the last symbols. Flags
// that are reserved, which the library passes over, may change what follows: they are refused (RFC 1952, 2.3.1.2).
func alike(t *testing.T, packed []byte) {
	t.Helper()
	in := bufio.NewReader(bytes.NewReader(packed))
	var want []byte
	z, wantErr := gzip.NewReader(in)
	if wantErr == nil && packed[3]&flagReserved != 0 {
		wantErr = gzip.ErrHeader
	}
	if wantErr == nil {
		z.Multistream(false)
		want, wantErr = io.ReadAll(io.LimitReader(z, 4<<20))
	}
	r := new(Reader)
	input := bytes.NewReader(packed)
	mine := bufio.NewReader(input)
	gotErr := r.Reset(mine)
	deflated := mine.Buffered() + input.Len()
	var got []byte
	if gotErr == nil {
		got, gotErr = io.ReadAll(io.LimitReader(r, 4<<20))
	}
	if at := flate.CorruptInputError(0); wantErr == io.ErrUnexpectedEOF && errors.As(gotErr, &at) && int(at) >= deflated-8 {
		gotErr = wantErr
	}
	switch {
	case (wantErr == nil) != (gotErr == nil), (wantErr == io.ErrUnexpectedEOF) != (gotErr == io.ErrUnexpectedEOF),
		(wantErr == io.EOF) != (gotErr == io.EOF):
		t.Fatalf("%v instead of %v", gotErr, wantErr)
	case wantErr == nil && !bytes.Equal(got, want), !bytes.HasPrefix(got, want):
		t.Fatalf("%d bytes instead of %d, %v", len(got), len(want), wantErr)
	case wantErr == nil && len(want) < 4<<20:
		a, _ := io.ReadAll(in)
		if b, _ := io.ReadAll(mine); !bytes.Equal(a, b) {
			t.Fatalf("%d bytes behind it instead of %d", len(b), len(a))
		}
	}
}

// TestDamaged checks that files which are cut off or changed are refused as the library refuses them.
func TestDamaged(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, text := range texts() {
		text = text[:min(len(text), 3_000)]
		for _, level := range levels {
			packed := pack(text, level)
			t.Run(fmt.Sprintf("%s, level %d", name, level), func(t *testing.T) {
				for range 60 {
					cut := bytes.Clone(packed[:random.IntN(len(packed)+1)])
					alike(t, cut)
					changed := bytes.Clone(packed)
					changed[random.IntN(len(changed))] ^= 1 << random.IntN(8)
					alike(t, changed)
					alike(t, changed[:random.IntN(len(changed)+1)])
				}
			})
		}
	}
}

// FuzzReader compares a Reader with the library.
func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		for _, level := range levels {
			f.Add(pack(text[:min(len(text), 500)], level))
		}
	}
	header := "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	for _, deflated := range []string{
		"\x00", "\x07", "\x4b\x04\x00", "\x63\x20\x00", "\x05\xe0\x81\x08\x00\x00\x00\x00\x20\x7f\xeb\x0b\x00\x00", // fixed codes; one code
		"\x05\xc0\x21\x0d\x00\x00\x00\x80\xb0\xfe\x6d\x2f\x91\x6c", "\xed\xfd\x6c", "\x01\x00\x00\xff\xff", "\x01\x01\x00\xff\xff",
	} {
		f.Add([]byte(header + deflated + "\x00\x00\x00\x00\x00\x00\x00\x00"))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		alike(t, packed)
		if len(packed) > 2 { // a header that is right, and blocks that are anything
			alike(t, append([]byte(header), packed...))
		}
	})
}
