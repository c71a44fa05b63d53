package reporting

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

// WriteFile writes a report to path, readable by its owner alone, and a manifest beside it that
// is signed with the key of the data directory. An earlier report is replaced; a file that is no
// report, or was changed since it was written, only if force is set. Beside a pipe there is no
// manifest.
func (f *Source) WriteFile(path string, content []byte, force bool) error {
	replace := force || unchanged(path)
	report, err := outfile.Create(path, 0o600, replace)
	if err != nil {
		return err
	}
	defer report.Discard()
	if report.Path == "" { // a pipe: nothing lies beside it
		if _, err := report.Write(content); err != nil {
			return err
		}
		return report.Commit()
	}

	signed, err := outfile.Create(path+".manifest.json", 0o600, replace)
	if err != nil {
		return err
	}
	defer signed.Discard()
	seed, err := keys.RandomKey(filepath.Join(f.Data, "report.key"))
	if err != nil {
		return err
	}
	manifest, err := reports.Sign(filepath.Base(path), content, ed25519.NewKeyFromSeed(seed), time.Now())
	if err != nil {
		return err
	}

	if _, err := report.Write(content); err != nil {
		return err
	}
	if _, err := signed.Write(append(manifest, '\n')); err != nil {
		return err
	}
	if err := report.Commit(); err != nil {
		return err
	}
	return signed.Commit()
}

// unchanged reports whether a file is a report as it was written.
func unchanged(path string) bool {
	content, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	manifest, err := os.ReadFile(path + ".manifest.json")
	if err != nil {
		return false
	}
	_, err = reports.Verify(content, manifest, "")
	return err == nil
}

// FileName makes a file name of a user's account: lower case, without leading dots, and with
// underscores for what is not a letter, a digit or one of .-_@.
func FileName(user string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' || c == '@' {
			return c
		}
		return '_'
	}, strings.TrimLeft(strings.ToLower(user), "."))
}

// browsers can print a page; the first that is installed does.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

// PDF prints an HTML page by a browser, which has a minute for it. It fails if none is installed.
func PDF(ctx context.Context, html []byte) ([]byte, error) {
	browser := ""
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		return nil, errors.New("--format pdf: neither chromium nor google-chrome is installed; " +
			"write html and print it from a browser")
	}

	dir, err := os.MkdirTemp("", "outflow-pdf-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	page, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.pdf")
	if err := os.WriteFile(page, html, 0o600); err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	args := []string{
		"--headless",
		"--disable-gpu",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-sync",
		"--user-data-dir=" + filepath.Join(dir, "profile"),
		"--no-pdf-header-footer",
		"--print-to-pdf=" + out,
		"file://" + page,
	}
	if os.Getuid() == 0 { // it refuses to run its sandbox as root
		args = append([]string{"--no-sandbox"}, args...)
	}
	if text, err := exec.CommandContext(ctx, browser, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("--format pdf: %s: %w: %s", browser, err, plain.Escape(string(text[:min(len(text), 300)])))
	}
	return os.ReadFile(out)
}
