package spill_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/outflow/outflow/internal/spill"
)

// text is the i-th string, empty up to some pages long.
func text(i int) []byte {
	n := i * 37 % 4000
	if i%500 == 499 {
		n = i * 700
	}
	return bytes.Repeat(fmt.Append(nil, i, "."), n/4)
}

// TestFile stores strings and gets them back, from memory and from the file.
func TestFile(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20, 1 << 30} {
		dir := t.TempDir()
		f := spill.New(memory, dir)
		refs := make([]spill.Ref, 3000)
		var err error
		for i := range refs {
			b := text(i)
			if refs[i], err = f.Put(b); err != nil {
				t.Fatal(err)
			}
			clear(b) // it may be reused
		}
		for n, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(refs)) {
			got, err := refs[i].Get(bytes.Repeat([]byte("x"), n%5))
			if want := strings.Repeat("x", n%5) + string(text(i)); err != nil || string(got) != want {
				t.Fatalf("memory %d, string %d: %d bytes, %v, want %d", memory, i, len(got), err, len(want))
			}
			if refs[i].Len() != len(text(i)) {
				t.Errorf("string %d: length %d", i, refs[i].Len())
			}
		}
		held, file := f.Size()
		if held > memory || (file == 0) != (memory == 1<<30) {
			t.Errorf("memory %d: %d bytes are held, %d are in the file", memory, held, file)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%d files have names", len(left))
		}
		runtime.KeepAlive(refs)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReuse drops references again and again: the file does not grow.
func TestReuse(t *testing.T) {
	f := spill.New(1<<20, t.TempDir())
	defer f.Close()
	kept := make([]spill.Ref, 40)
	for i := range 4000 { // 400 MB in all, 4 MB of them referred to
		r, err := f.Put(bytes.Repeat([]byte{byte(i)}, 100<<10))
		if err != nil {
			t.Fatal(err)
		}
		kept[i%len(kept)] = r
		if i%200 == 0 {
			runtime.GC()
			time.Sleep(time.Millisecond) // cleanups run beside
		}
	}
	if _, file := f.Size(); file > 100<<20 {
		t.Errorf("%d bytes are in the file for %d that are referred to", file, len(kept)*100<<10)
	}
	for i, r := range kept {
		b, err := r.Get(nil)
		if err != nil || len(b) != 100<<10 || b[0] != byte(4000-len(kept)+i) || b[0] != b[len(b)-1] {
			t.Errorf("string %d: %d bytes, %v", i, len(b), err)
		}
	}
}

// TestNoRoom checks that a full disk is an error, not a loss.
func TestNoRoom(t *testing.T) {
	f := spill.New(0, "/nonexistent")
	defer f.Close()
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		_, err = f.Put(make([]byte, 1000))
	}
	if err == nil {
		t.Error("nothing was said")
	}
}
