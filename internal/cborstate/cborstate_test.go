package cborstate

import (
	"maps"
	"strconv"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// TestUnmarshal reads back many accounts, and one whose name is not valid UTF-8.
func TestUnmarshal(t *testing.T) {
	want := map[string]string{"an\xff": "\xfe"}
	for i := range 200_000 {
		want[strconv.Itoa(i)] = "x"
	}
	b, err := cbor.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := Unmarshal(b, &got); err != nil || !maps.Equal(got, want) {
		t.Errorf("%d entries, %v", len(got), err)
	}
	if err := Unmarshal(b[:len(b)-1], &got); err == nil {
		t.Error("what is cut off is read")
	}
	// A map that claims to have two thousand million entries.
	if err := Unmarshal([]byte{0xbb, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, &got); err == nil {
		t.Error("what is not there is read")
	}
}
