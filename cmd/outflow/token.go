package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

// feedFunc is what a command does with the feed's state.
type feedFunc func(cmd *cobra.Command, s *feed.Store, args []string) error

// withFeed runs a function on the feed's state of a daemon, which is made if it does not exist.
func withFeed(path *string, do feedFunc) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := daemonDir(*path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		s, err := keys.OpenFeed(cmd.Context(), dir)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(cmd, s, args)
	}
}

// readingFeed runs a function that only reads on the feed's state of a daemon.
func readingFeed(path *string, do feedFunc) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := daemonDir(*path)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, "feed.db")
		if !outfile.Exists(name) {
			return fmt.Errorf("%s: there is no feed.db: no token was made, and the feed was not used", dir)
		}
		key, err := keys.ReadKey(filepath.Join(dir, "access.key"))
		if err != nil {
			return fmt.Errorf("audit log of accesses: %w", err)
		}
		s, err := feed.OpenReadOnly(cmd.Context(), name, key)
		if err != nil {
			return err
		}
		defer s.Close()
		return do(cmd, s, args)
	}
}

func newToken(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Create, list and revoke tokens of the feed",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newTokenCreate(stdout, &path), newTokenList(stdout, &path), newTokenRevoke(stdout, &path))
	return cmd
}

func newTokenCreate(stdout io.Writer, path *string) *cobra.Command {
	var name, role string
	life := lifetime(90 * 24 * time.Hour)
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a token and print it: it is not stored, and cannot be shown again",
		Args:  usage(cobra.NoArgs),
		RunE: withFeed(path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
			made := "made a token of the role " + role + " for " + name
			if err := s.LogAccess(cmd.Context(), time.Now(), account(), feed.Admin, made); err != nil {
				return err
			}
			text, err := s.NewToken(cmd.Context(), name, feed.Role(role), time.Now(), time.Duration(life))
			if err != nil {
				return &exit{exitUsage, err}
			}
			_, err = fmt.Fprintln(stdout, text)
			return err
		}),
	}
	var roles []string
	for _, r := range feed.Roles {
		roles = append(roles, string(r))
	}
	cmd.Flags().StringVar(&name, "name", "", "owner of the token, as the audit log of accesses shows it")
	cmd.Flags().StringVar(&role, "role", "", "what the token allows: "+strings.Join(roles, ", "))
	cmd.Flags().Var(&life, "expires", "lifetime of the token, such as 90d or 12h")
	completeFlag(cmd, "role", roles)
	return cmd
}

func newTokenList(stdout io.Writer, path *string) *cobra.Command {
	var r report
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List tokens",
		Args:    usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: readingFeed(path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
			all, err := s.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			return r.write(stdout, all, func(w io.Writer) error {
				for _, t := range all {
					state := "until " + t.Expires.Format("2006-01-02")
					if t.Revoked {
						state = "revoked"
					} else if time.Now().After(t.Expires) {
						state = "expired"
					}
					if _, err := fmt.Fprintf(w, "%s  %s  %s\n", plain.Escape(t.Name), t.Role, state); err != nil {
						return err
					}
				}
				return nil
			})
		}),
	}
	r.flag(cmd)
	return cmd
}

func newTokenRevoke(stdout io.Writer, path *string) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "Revoke all tokens of a name",
		Args:  usage(cobra.ExactArgs(1)),
		RunE: withFeed(path, func(cmd *cobra.Command, s *feed.Store, args []string) error {
			if err := s.LogAccess(cmd.Context(), time.Now(), account(), feed.Admin, "revoked the tokens of "+args[0]); err != nil {
				return err
			}
			n, err := s.Revoke(cmd.Context(), args[0])
			if err == nil && n == 0 {
				err = fmt.Errorf("there is no token of %q that holds: outflow token list", args[0])
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s revoked\n", plain.CountOf(int(n), "token is", "tokens are"))
			return err
		}),
	}
}
