package buildinfo

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// TestLong is the version of a release, of a build from a commit, of one with changes, and of one that knows nothing.
func TestLong(t *testing.T) {
	system := runtime.GOOS + "/" + runtime.GOARCH
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	at := debug.BuildSetting{Key: "vcs.time", Value: "2026-11-30T14:05:06+02:00"}
	for _, c := range []struct {
		version  string
		settings []debug.BuildSetting
		want     string
	}{
		{"v0.1.0", []debug.BuildSetting{commit, at}, "v0.1.0 (commit 0123456789ab, 2026-11-30 12:05 UTC, go1.26.8, " + system + ")"},
		{"(devel)", []debug.BuildSetting{commit, at, {Key: "vcs.modified", Value: "true"}},
			"devel-0123456789ab (commit 0123456789ab with changes, 2026-11-30 12:05 UTC, go1.26.8, " + system + ")"},
		{"(devel)", []debug.BuildSetting{{Key: "vcs.time", Value: "yesterday"}}, "devel (go1.26.8, " + system + ")"},
		{"", nil, "devel (go1.26.8, " + system + ")"},
	} {
		if got := long(&debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: c.version}, Settings: c.settings}); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
