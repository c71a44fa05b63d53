package detect

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 41200: "41,200", 1234567: "1,234,567"} {
		if got := Number(in); got != want {
			t.Errorf("number(%g) = %s", in, got)
		}
	}
	if Size(1.5e9) != "1.5 GB" || Size(12) != "12 bytes" || Duration(90_000) != "2 minutes" || Duration(5*3600_000) != "5 hours" ||
		Amount(1, "file", "files") != "1 file" {
		t.Error(Size(1.5e9), Size(12), Duration(90_000), Duration(5*3600_000))
	}
	if got := Quote("a\x1b[31m\n\"b\u202e" + strings.Repeat("x", 100)); strings.ContainsAny(got, "\x1b\n\u202e") ||
		len([]rune(got)) > 62 || strings.Count(got, `"`) != 2 {
		t.Errorf("%q", got)
	}
	if short("https://acme.sharepoint.com/sites/Finance") != "Finance" {
		t.Error("short")
	}
}
