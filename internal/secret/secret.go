// Package secret keeps secrets out of output: a Secret prints as asterisks everywhere.
// Configuration has references to secrets, never secrets.
package secret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Secret is a text that is not printed. The zero value is empty.
type Secret struct{ text string }

// New returns a Secret with a text.
func New(text string) Secret { return Secret{text} }

// Reveal returns the text, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether the text is empty.
func (s Secret) Empty() bool { return s.text == "" }

const stars = "****"

// String hides the text.
func (s Secret) String() string { return stars }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return stars }

// MarshalText hides the text from JSON, YAML and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// Ref is a reference to a secret, as configurations have it: env:NAME, file:PATH or exec:COMMAND; "" for
// none. It is not the secret.
type Ref string

// execLimit is how long a command that prints a secret may take.
const execLimit = 30 * time.Second

// Resolve returns the secret of a reference: env:NAME is an environment variable, file:PATH a
// file that only its owner can read and replace, exec:COMMAND ARG… the output of a program that others cannot change (arguments are
// separated by spaces, without a shell). Line ends at the end are removed. An empty reference
// is an empty Secret. Errors contain no secrets.
//
// Redact removes what Resolve has returned.
func Resolve(ctx context.Context, ref Ref) (Secret, error) {
	s, err := resolve(ctx, ref)
	if err == nil && !s.Empty() {
		remember(s.text)
	}
	return s, err
}

// resolve is Resolve without the memory of it.
func resolve(ctx context.Context, ref Ref) (Secret, error) {
	switch kind, rest, _ := strings.Cut(string(ref), ":"); {
	case ref == "":
		return Secret{}, nil
	case kind == "env":
		v, ok := os.LookupEnv(rest)
		if !ok {
			return Secret{}, fmt.Errorf("the environment variable %s is not set", rest)
		}
		return Secret{v}, nil

	case kind == "file":
		if err := Private(rest); err != nil {
			return Secret{}, err
		}
		if err := Trusted(rest); err != nil {
			return Secret{}, err
		}
		b, err := os.ReadFile(rest)
		return Secret{strings.TrimRight(string(b), "\r\n")}, err

	case kind == "exec":
		words := strings.Fields(rest)
		if len(words) == 0 {
			return Secret{}, errors.New("exec: no program is given")
		}
		if err := trustedProgram(words[0]); err != nil {
			return Secret{}, fmt.Errorf("exec: %w", err)
		}
		ctx, cancel := context.WithTimeout(ctx, execLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.WaitDelay = time.Second / 2 // its children may keep its output open
		out, err := cmd.Output()
		if err != nil { // without its output, which may contain the secret
			return Secret{}, fmt.Errorf("exec: %s: %v", words[0], errText(err))
		}
		return Secret{strings.TrimRight(string(out), "\r\n")}, nil
	}
	return Secret{}, errors.New("use a reference (env:NAME, file:PATH or exec:COMMAND) rather than the secret")
}

// errText returns how a command ended, without its output.
func errText(err error) string {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ProcessState.String()
	}
	return err.Error()
}
