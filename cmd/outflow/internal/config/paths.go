package config

import (
	"path/filepath"

	"github.com/outflow/outflow/internal/pki"
)

// resolvePaths makes relative paths those of the folder of the configuration file.
func (c *Config) resolvePaths(file string) {
	if file == "" {
		return
	}
	r := resolver(filepath.Dir(file))
	r.resolve(&c.Rules, &c.DataDir, &c.Snapshots.Dir, &c.Feed.Cert, &c.Feed.Key, &c.Feed.Audit.Anchors)
	r.certificates(&c.Log.Files)
	for i := range c.AddressDatabases {
		r.resolve(&c.AddressDatabases[i])
	}
	for i := range c.Watchlists {
		r.resolve(&c.Watchlists[i].File)
	}
	for i := range c.Sources {
		for j := range c.Sources[i].Paths {
			r.resolve(&c.Sources[i].Paths[j])
		}
	}
	for i := range c.Channels {
		r.resolve(&c.Channels[i].Path)
		r.certificates(&c.Channels[i].Files)
	}
}

// resolver is the folder that relative paths start from.
type resolver string

func (r resolver) resolve(paths ...*string) {
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(string(r), *p)
		}
	}
}

func (r resolver) certificates(f *pki.Files) { r.resolve(&f.CA, &f.Cert, &f.Key) }
