package config

import (
	"fmt"
	"slices"
	"strings"
)

// RenamedKey is a key of the file that still works under the name that it had in the release before.
type RenamedKey struct {
	Old string // the deprecated name
	New string // the name now

	values func(c *Config) (old, now *string)
}

// RenamedKeys are all keys that have a deprecated name.
var RenamedKeys = []RenamedKey{
	{"listen", "metrics.listen", func(c *Config) (old, now *string) { return &c.Listen, &c.Metrics.Listen }},
}

// String is a warning that names both keys.
func (k *RenamedKey) String() string {
	return fmt.Sprintf("configuration key %s is deprecated: use %s", k.Old, k.New)
}

// Written is the key as it is written now: metrics: {listen: …}.
func (k *RenamedKey) Written() string {
	text := "…"
	for _, part := range slices.Backward(strings.Split(k.New, ".")) {
		if text != "…" {
			text = "{" + text + "}"
		}
		text = part + ": " + text
	}
	return text
}

// Deprecated lists the deprecated keys that the file at path uses. A file that cannot be read has
// none: the error is that of Load.
func Deprecated(path string) (used []RenamedKey) {
	c, _, err := read(path)
	if err != nil {
		return nil
	}
	for _, k := range RenamedKeys {
		if old, _ := k.values(c); *old != "" {
			used = append(used, k)
		}
	}
	return used
}

// useRenamed has the values of deprecated keys apply to those that replace them.
func (c *Config) useRenamed() {
	for _, k := range RenamedKeys {
		if old, now := k.values(c); *now == "" {
			*now = *old
		}
	}
}

// checkRenamed returns an error if a setting is given twice, by both of its keys.
func (c *Config) checkRenamed() error {
	for _, k := range RenamedKeys {
		if old, now := k.values(c); *old != "" && *now != *old {
			return fmt.Errorf("%s: %s is set, too: remove %s, which is deprecated", k.Old, k.New, k.Old)
		}
	}
	return nil
}
