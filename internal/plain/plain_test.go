package plain

import "testing"

func TestNumber(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := Number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func TestDisturbs(t *testing.T) {
	for _, c := range "\x00\x1b\n\r\t\u007f\u009b\u200b\u200e\u2028\u202e\u2066\ufeff" {
		if !Disturbs(c) {
			t.Errorf("%U", c)
		}
	}
	for _, c := range "aZ0 äß日本語😀·…" {
		if Disturbs(c) {
			t.Errorf("%U", c)
		}
	}
}
