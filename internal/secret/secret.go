// Package secret keeps secrets out of sight: a Secret prints as stars, whatever
// prints it. Configuration holds references, never secrets.
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

// Secret is a text that nothing prints.
type Secret struct{ text string }

// New makes a secret of a text.
func New(text string) Secret { return Secret{text} }

// Reveal is the text, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// Empty says whether there is none.
func (s Secret) Empty() bool { return s.text == "" }

const stars = "****"

func (s Secret) String() string { return stars }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return stars }

// MarshalText hides the text from JSON, YAML and logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }

// execLimit is how long a command may take that prints a secret.
const execLimit = 30 * time.Second

// Resolve finds the secret that a reference names: env:NAME is a variable of the
// environment, file:PATH a file that others cannot read, exec:COMMAND ARG… what a
// program prints (its arguments are separated by spaces; no shell is involved). The
// end of the last line is no part of it. An empty reference is an empty secret. No
// error holds a secret.
func Resolve(ctx context.Context, ref string) (Secret, error) {
	switch kind, rest, _ := strings.Cut(ref, ":"); {
	case ref == "":
		return Secret{}, nil
	case kind == "env":
		v, ok := os.LookupEnv(rest)
		if !ok {
			return Secret{}, fmt.Errorf("the environment has no %s", rest)
		}
		return Secret{v}, nil

	case kind == "file":
		info, err := os.Stat(rest)
		if err != nil {
			return Secret{}, err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return Secret{}, fmt.Errorf("%s can be read by others: chmod 600", rest)
		}
		b, err := os.ReadFile(rest)
		return Secret{strings.TrimRight(string(b), "\r\n")}, err

	case kind == "exec":
		words := strings.Fields(rest)
		if len(words) == 0 {
			return Secret{}, errors.New("exec: names no program")
		}
		ctx, cancel := context.WithTimeout(ctx, execLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.WaitDelay = time.Second / 2 // what it started may hold its output open
		out, err := cmd.Output()
		if err != nil { // what it printed may hold the secret
			return Secret{}, fmt.Errorf("exec: %s: %v", words[0], errText(err))
		}
		return Secret{strings.TrimRight(string(out), "\r\n")}, nil
	}
	return Secret{}, errors.New("give a reference, env:NAME, file:PATH or exec:COMMAND, rather than the secret")
}

func errText(err error) string {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ProcessState.String()
	}
	return err.Error()
}
