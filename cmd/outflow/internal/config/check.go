package config

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/datadir"
	"github.com/outflow/outflow/internal/disk"
	"github.com/outflow/outflow/internal/pki"
	"github.com/outflow/outflow/internal/secret"
)

// Problem is something in a configuration that is wrong, or that will be.
type Problem struct {
	Line     int    `json:"line,omitempty"` // in the file; 0 if it is not known
	Severity string `json:"severity"`       // error or warning
	Text     string `json:"problem"`        // what is wrong
}

// Severities of problems: an error keeps the daemon, or a part of it, from working.
const (
	IsError   = "error"
	IsWarning = "warning"
)

// Checked is the result of Check.
type Checked struct {
	Config   *Config // nil if the file cannot be read, or is none
	Valid    bool    // Config may be used: what is left are problems of this machine, and warnings
	Problems []Problem
}

// Errors is the number of errors among the problems.
func (c *Checked) Errors() (n int) {
	for _, p := range c.Problems {
		if p.Severity == IsError {
			n++
		}
	}
	return n
}

// Check reads the file at path as the daemon does in these roles, and returns all that is wrong with it. It looks at the
// files that are named and, if secrets are wanted, resolves these. It makes nothing, and connects to nothing.
func Check(ctx context.Context, path string, secrets bool, roles ...string) *Checked {
	c, bad := examine(path, roles)
	out := &Checked{Config: c, Valid: len(bad) == 0}
	for _, err := range bad {
		out.add(IsError, err)
	}
	if c == nil {
		return out
	}
	text, err := os.ReadFile(path)
	if err != nil {
		out.add(IsError, err)
	}
	l := looker{ctx: ctx, secrets: secrets, dataDir: c.DataDir, now: time.Now(), found: func(severity string, err error) {
		out.add(severity, newLines(text).locate(err))
	}}
	for _, k := range Deprecated(path) {
		l.found(IsWarning, fmt.Errorf("%s: it is deprecated: write %s", k.Old, k.Written()))
	}
	l.all(c)
	return out
}

func (c *Checked) add(severity string, err error) {
	p := Problem{Severity: severity, Text: err.Error()}
	if at := (*lineError)(nil); errors.As(err, &at) {
		p.Line, p.Text = at.line, at.err.Error()
	}
	p.Text = secret.Redact(p.Text)
	c.Problems = append(c.Problems, p)
}

// looker looks at what a configuration refers to: secrets, files and folders.
type looker struct {
	ctx     context.Context
	secrets bool
	dataDir string
	now     time.Time
	found   func(severity string, err error)
}

// wrong notes an error about a setting, unless there is none.
func (l *looker) wrong(setting string, err error) {
	if err == nil {
		return
	}
	if path, ok := err.(*fs.PathError); ok { // without the name of a system call
		err = fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	l.found(IsError, fmt.Errorf("%s: %w", setting, err))
}

func (l *looker) all(c *Config) {
	if err := datadir.Look(c.DataDir, c.DataDirShared); err != nil {
		l.found(IsError, fmt.Errorf("data_dir%w", err))
	}
	rest := *c
	rest.Sources, rest.Channels = nil, nil
	l.settings("", reflect.ValueOf(rest))
	if !Literal(c.Heartbeat.URL) {
		l.secret("heartbeat.url", secret.Ref(c.Heartbeat.URL))
	}
	l.pair("feed.cert", c.Feed.Cert, c.Feed.Key)
	l.appended("feed.audit.anchors", c.Feed.Audit.Anchors)
	if c.Snapshots.Dir != "" {
		l.wrong("snapshots.dir", disk.Writable(c.Snapshots.Dir))
	}
	for i := range c.Sources {
		s := &c.Sources[i]
		for _, path := range s.Paths {
			l.wrong("source "+s.Name+": paths", readable(path))
		}
		if s.Api != nil {
			l.settings("source "+s.Name+": ", reflect.ValueOf(s.Api).Elem())
		}
	}
	for i := range c.Channels {
		ch := &c.Channels[i]
		l.appended("channel "+ch.Name+": path", ch.Path)
		l.certificates("channel "+ch.Name+": ", ch.Files)
		if ch.settings != nil {
			l.settings("channel "+ch.Name+": ", reflect.ValueOf(ch.settings).Elem())
		}
	}
	for _, err := range c.RuleSet.Bad {
		l.found(IsWarning, fmt.Errorf("rules: a rule is not used: %w", err))
	}
	for _, text := range c.EndedWatchlists(l.now) {
		l.found(IsWarning, errors.New(text))
	}
}

// filesOf are settings of sources that name files, by the key.
type filesOf interface{ Files() map[string]string }

// settings looks at the settings of a structure, and of those in it. where is what stands before their keys.
func (l *looker) settings(where string, v reflect.Value) {
	if v.CanAddr() {
		if f, ok := v.Addr().Interface().(filesOf); ok {
			for key, path := range f.Files() {
				if path != "" {
					l.wrong(where+key, readable(path))
				}
			}
		}
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if !field.IsExported() || key == "-" {
			continue
		}
		switch x := v.Field(i).Interface().(type) {
		case secret.Ref:
			l.secret(where+key, x)
		case pki.Files:
			l.certificates(where, x)
		default:
			if v.Field(i).Kind() != reflect.Struct {
				continue
			}
			inner := where
			if key != "" {
				inner += key + "."
			}
			l.settings(inner, v.Field(i))
		}
	}
}

// secret resolves a reference.
func (l *looker) secret(setting string, ref secret.Ref) {
	if !l.secrets {
		return
	}
	_, err := secret.Resolve(l.ctx, ref)
	l.wrong(setting, err)
}

// certificates looks at the certificates of a client.
func (l *looker) certificates(where string, f pki.Files) {
	if _, err := f.Config(); err != nil {
		l.wrong(strings.TrimSuffix(strings.TrimSuffix(where, ": "), "."), err)
	}
}

// pair looks at the certificate of a server, and its key.
func (l *looker) pair(setting, cert, key string) {
	if cert == "" || key == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		l.wrong(setting, err)
		return
	}
	if end := pair.Leaf.NotAfter; l.now.After(end) {
		l.found(IsWarning, fmt.Errorf("%s: the certificate ended on %s", setting, end.UTC().Format(time.DateOnly)))
	}
	if err := secret.Private(key); err != nil {
		l.found(IsWarning, fmt.Errorf("%s: %w", strings.TrimSuffix(setting, "cert")+"key", err))
	}
}

// appended looks at a file that will be appended to, or made; "" is none. The data directory need not be there: the daemon
// makes it.
func (l *looker) appended(setting, path string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		path = filepath.Dir(path)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && path == filepath.Clean(l.dataDir) {
		return
	}
	l.wrong(setting, disk.Writable(path))
}

// readable returns an error for a file or a folder that cannot be read.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}
