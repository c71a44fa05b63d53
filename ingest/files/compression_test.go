package files_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
)

// What bzip2 makes of recordA and recordB, each packed for itself, and of 8 MiB of blanks before
// recordA.
const (
	bzTwo = "QlpoOTFBWSZTWUWxnwQAAEvfgAAQEAd5UAShnBA+M9+6IAB1DVPKGgNAA0NDRkAaakbSg9NTJ6hpiGIHqfqjeh4v62jLskzStIgM4uukgnyPyA" +
		"5zHfpsJKK91QS8zUV4cQMkEl8K06UtUqGZJEQdA3wBdzKgMLW919kdtCBJqPq/e1g0nQhiilIq8GsCMgW8sv8XckU4UJBFsZ8EQlpoOTFBWSZT" +
		"WRG/gWMAAEsfgBAHeVAEoZwQPjPfuiAAdQ1TymgADTTTQNDIA00o2lGanqPUNGINMT1PU2Y83d4jDFJGdYsJSileMEEuZ1f0kp8ddwIDMtQS4z" +
		"WSg4gZRkRrZyxGm80jcqRKHI67A2TxWApLX3PI+UyBGk3VfvrPpFXvxRikGcDWBCIP/Mu2F3JFOFCQEb+BYw=="
	bzBomb = "QlpoOTFBWSZTWVq83k8AQEAfgNAHeVAEoZwQPjPfvgAIIACShqmQyA00AaANMjQCSKGUGQGRp6gAaG1JgACAAJukACQAC9HW/hrOXNWt9pVgYu" +
		"z7NKLbmwibrTpvyMzKFT0Cvd5NcYMO0GsoJZsVqqQy8JwcdQNcBpYtIF1be6eyFS4gCPXQv+MMf1BYxkoMq4VDUhXoGn4/YxcAAQAB/F3JFOFC" +
		"QWrzeTw="
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// xzOf packs parts as streams of one xz file, with padding between them.
func xzOf(parts ...string) []byte {
	var b bytes.Buffer
	for i, p := range parts {
		if i > 0 {
			b.Write(make([]byte, 8))
		}
		w, err := xz.WriterConfig{BlockSize: 70_000}.NewWriter(&b)
		if err != nil {
			panic(err)
		}
		w.Write([]byte(p))
		w.Close()
	}
	return b.Bytes()
}

// sevenZipOf returns a 7-Zip archive with one member. A property of 0 stands for the right one.
func sevenZipOf(name, content string, method string, property byte) []byte {
	var packed bytes.Buffer
	properties := []byte{24} // 16 MiB
	switch method {
	case "\x21":
		w, _ := lzma.Writer2Config{DictCap: 1 << 16}.NewWriter2(&packed)
		w.Write([]byte(content))
		w.Close()
		if property != 0 {
			properties[0] = property
		}
	case "\x03\x01\x01":
		var whole bytes.Buffer
		w, _ := lzma.WriterConfig{DictCap: 1 << 16}.NewWriter(&whole)
		w.Write([]byte(content))
		w.Close()
		properties = whole.Bytes()[:5]
		packed.Write(whole.Bytes()[13:])
		if property != 0 {
			properties[4] = property
		}
	default:
		packed.WriteString(content)
		properties = nil
	}
	header := []byte{0x01, 0x04, 0x06, 0x00, 0x01, 0x09}
	number := func(n int) { header = binary.LittleEndian.AppendUint64(append(header, 0xff), uint64(n)) }
	number(packed.Len())
	header = append(header, 0x00, 0x07, 0x0b, 0x01, 0x00, 0x01)
	flags := byte(len(method))
	if properties != nil {
		flags |= 0x20
	}
	header = append(append(header, flags), method...)
	if properties != nil {
		header = append(append(header, byte(len(properties))), properties...)
	}
	header = append(header, 0x0c)
	number(len(content))
	header = append(header, 0x0a, 0x01)
	header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE([]byte(content)))
	header = append(header, 0x00, 0x00, 0x05, 0x01, 0x11, byte(2*len(name)+3), 0x00)
	for _, u := range utf16.Encode([]rune(name + "\x00")) {
		header = binary.LittleEndian.AppendUint16(header, u)
	}
	header = append(header, 0x00, 0x00)

	start := binary.LittleEndian.AppendUint64(nil, uint64(packed.Len()))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(header)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE(header))
	archive := []byte("7z\xbc\xaf\x27\x1c\x00\x04")
	archive = binary.LittleEndian.AppendUint32(archive, crc32.ChecksumIEEE(start))
	return append(append(append(archive, start...), packed.Bytes()...), header...)
}

// TestCompression checks that packed files are read, also several one behind the other.
func TestCompression(t *testing.T) {
	both := recordA + "\n" + recordB
	long := recordA + "\n" + strings.Repeat(" ", 300_000) + recordB
	for name, content := range map[string][]byte{
		"bzip2, two streams": unbase64(bzTwo),
		"xz":                 xzOf(both),
		"xz, two streams":    xzOf(recordA+"\n", recordB),
		"xz, an empty one":   xzOf("", both, ""),
		"xz, blocks":         xzOf(long),
		"7-Zip, LZMA2":       sevenZipOf("a.json", long, "\x21", 0),
		"7-Zip, LZMA":        sevenZipOf("a.json", long, "\x03\x01\x01", 0),
		"7-Zip, stored":      sevenZipOf("a.json", both, "\x00", 0),
		"7-Zip in gzip":      gz(string(sevenZipOf("a.json", both, "\x21", 0))),
		"gzip, padded":       append(gz(both), make([]byte, 1000)...),
	} {
		events, r := read(t, content)
		if ids(events) != "ab" || r.ProblemCount != 0 || r.Reason != "" {
			t.Errorf("%s: %q, %v, %q", name, ids(events), r.Problems, r.Reason)
		}
	}
}

// TestCut checks that a packed file that ends early is said to, with what was read of it.
func TestCut(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		b.WriteString(strings.Replace(recordA, `"a"`, fmt.Sprintf(`"%d"`, i*7919), 1) + "\n")
	}
	for name, content := range map[string][]byte{
		"gzip":  gz(b.String()),
		"zstd":  zst(b.String()),
		"xz":    xzOf(b.String()),
		"bzip2": unbase64(bzTwo),
		"tar":   tarred("a", b.String()),
	} {
		events, r := read(t, content[:len(content)*2/3])
		if !r.Failed || !strings.Contains(r.Reason, "cut off: its end is missing") || strings.Contains(r.Reason, "EOF") || len(events) == 0 {
			t.Errorf("%s: %d events, %q", name, len(events), r.Reason)
		}
	}
	archive := sevenZipOf("a.json", b.String(), "\x21", 0)
	for _, n := range []int{7, 20, len(archive) / 2, len(archive) - 5} {
		if _, r := read(t, archive[:n]); !r.Failed || !strings.Contains(r.Reason, "7-Zip archive") || strings.Contains(r.Reason, "EOF") {
			t.Errorf("7-Zip cut at %d: %q", n, r.Reason)
		}
	}
}

// TestBombs checks the limits on what is packed.
func TestBombs(t *testing.T) {
	blanks := strings.Repeat(" ", 8<<20) + recordA
	greedy := xzOf(recordA)
	greedy[12+2+2] = 40 // the dictionary of the first block: 4 GiB
	binary.LittleEndian.PutUint32(greedy[20:], crc32.ChecksumIEEE(greedy[12:20]))
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"bzip2":                 {unbase64(bzBomb), "inflates to more than"},
		"xz":                    {xzOf(blanks), "inflates to more than"},
		"7-Zip":                 {sevenZipOf("a", blanks, "\x21", 0), "inflates to more than"},
		"7-Zip in 7-Zip":        {sevenZipOf("a", string(sevenZipOf("a", blanks, "\x21", 0)), "\x21", 0), "inflates to more than"},
		"a dictionary of xz":    {greedy, "a dictionary of over 128 MiB"},
		"a dictionary of LZMA2": {sevenZipOf("a", recordA, "\x21", 40), "a dictionary of over 128 MiB"},
		"a dictionary of LZMA":  {sevenZipOf("a", recordA, "\x03\x01\x01", 0xf0), "a dictionary of over 128 MiB"},
		"another method":        {sevenZipOf("a", recordA, "\x03\x04\x01", 0), "a method other than LZMA"},
		"in an envelope":        {[]byte(`{"awslogs":{"data":"` + b64(string(gz(blanks))) + `"}}`), "inflates to more than"},
	} {
		r := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: ignore, Budget: files.Budget{Inflated: 1 << 20, Ratio: 1}}
		rep, err := r.Stream(t.Context(), "x", bytes.NewReader(c.content))
		said := rep.Reason
		for _, p := range rep.Problems {
			said += "\n" + p.String()
		}
		if err != nil || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d records, failed %v, %q, %v", name, rep.Records, rep.Failed, said, err)
		}
	}
}
