package reporting

import (
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/outfile"
)

// WriteFile writes a report to path, readable by its owner alone, and a manifest beside it that
// is signed with the key of the data directory. An earlier report is replaced; a file that is no
// report, or was changed since it was written, only if force is set. Beside a pipe there is no
// manifest.
func (f *Source) WriteFile(path string, content []byte, force bool) error {
	seed, err := keys.RandomKey(filepath.Join(f.Data, "report.key"))
	if err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(seed)
	replace := force || unchanged(path, publicText(key))
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
	manifest, err := reports.Sign(filepath.Base(path), content, key, time.Now())
	if err != nil {
		return err
	}

	if _, err := report.Write(content); err != nil {
		return err
	}
	if _, err := signed.Write(manifest); err != nil {
		return err
	}
	if err := report.Commit(); err != nil {
		return err
	}
	return signed.Commit()
}

// unchanged reports whether a file is a report as it was written, signed with a key.
func unchanged(path, public string) bool {
	_, err := VerifyFile(path, public)
	return err == nil
}

// VerifyFile checks a report against the manifest beside it, which must be signed with a key.
func VerifyFile(path, public string) (*reports.Manifest, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(path + ".manifest.json")
	if err != nil {
		return nil, err
	}
	return reports.Verify(filepath.Base(path), content, manifest, public)
}

// PublicKey returns the key that verifies the reports of a data directory, 64 hexadecimal digits.
// The error is fs.ErrNotExist if none was written there.
func PublicKey(data string) (string, error) {
	seed, err := keys.ReadKey(filepath.Join(data, "report.key"))
	if err != nil {
		return "", err
	}
	return publicText(ed25519.NewKeyFromSeed(seed)), nil
}

// publicText returns the public key of a key, hexadecimal.
func publicText(key ed25519.PrivateKey) string {
	return hex.EncodeToString(key.Public().(ed25519.PublicKey))
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
