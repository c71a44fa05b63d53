package plain

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d":    90 * 24 * time.Hour,
		"1.5d":   36 * time.Hour,
		"2w":     14 * 24 * time.Hour,
		"12h30m": 12*time.Hour + 30*time.Minute,
		"0":      0,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "90", "tomorrow", "9e300d", "NaNd", "1y"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q: %s", text, got)
		}
	}
}
