package files_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/outflow/outflow/ingest/files"
)

// BenchmarkInflate compares the gzip readers on a delivery of the example.
func BenchmarkInflate(b *testing.B) {
	found, _ := files.Find([]string{filepath.Join("..", "..", "examples", "acme", "cloudtrail")})
	largest := files.File{}
	for _, f := range found {
		if f.Size > largest.Size {
			largest = f
		}
	}
	packed, err := os.ReadFile(largest.Path)
	if err != nil {
		b.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		b.Fatal(err)
	}
	plain, err := io.Copy(io.Discard, r)
	if err != nil {
		b.Fatal(err)
	}
	for name, open := range map[string]func(io.Reader) (io.Reader, error){
		"klauspost": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"standard":  func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(plain)
			for b.Loop() {
				r, err := open(bytes.NewReader(packed))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
