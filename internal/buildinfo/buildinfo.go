// Package buildinfo returns what the program was built from.
package buildinfo

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Version returns the version of the module, or devel with the commit that it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return version(info)
}

// version returns the version of the module that a build is of.
func version(info *debug.BuildInfo) string {
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
		if commit := setting(info, "vcs.revision"); len(commit) >= 12 {
			v += "-" + commit[:12]
		}
	}
	return v
}

// Long returns the version in full: the commit and its date, whether the files differed from it, the toolchain and the
// system. The date is that of the commit, so that two builds of one commit are equal. What the build does not know is left
// out.
func Long() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return long(info)
}

// long is Long of one build.
func long(info *debug.BuildInfo) string {
	var parts []string
	if commit := setting(info, "vcs.revision"); commit != "" {
		text := "commit " + commit[:min(len(commit), 12)]
		if setting(info, "vcs.modified") == "true" {
			text += " with changes"
		}
		parts = append(parts, text)
	}
	if at, err := time.Parse(time.RFC3339, setting(info, "vcs.time")); err == nil {
		parts = append(parts, at.UTC().Format("2006-01-02 15:04 UTC"))
	}
	parts = append(parts, info.GoVersion, runtime.GOOS+"/"+runtime.GOARCH)
	return fmt.Sprintf("%s (%s)", version(info), strings.Join(parts, ", "))
}

// setting returns a setting of a build, or "".
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
