package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/outfile"
	"github.com/outflow/outflow/internal/plain"
)

// withFeed runs something on the feed's state of a daemon.
func withFeed(path *string, do func(cmd *cobra.Command, s *feed.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := runFolder(*path)
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

// readingFeed runs something that only reads on the feed's state of a daemon.
func readingFeed(path *string, do func(cmd *cobra.Command, s *feed.Store, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		dir, err := runFolder(*path)
		if err != nil {
			return err
		}
		name := filepath.Join(dir, "feed.db")
		if !outfile.Exists(name) {
			return fmt.Errorf("%s: there is no feed.db: nobody has made a token, or used the feed", dir)
		}
		key, err := keys.ReadKey(filepath.Join(dir, "access.key"))
		if err != nil {
			return fmt.Errorf("log of access: %w", err)
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
	var path, name, role string
	var life time.Duration
	var r report
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke tokens of the feed", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	var roles []string
	for _, r := range feed.Roles {
		roles = append(roles, string(r))
	}
	create := &cobra.Command{
		Use: "create", Short: "Make a token and print it: it is not kept, and cannot be shown again", Args: usage(cobra.NoArgs),
		RunE: withFeed(&path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
			text, err := s.NewToken(cmd.Context(), name, feed.Role(role), time.Now(), life)
			if err != nil {
				return &exit{exitUsage, err}
			}
			_, err = fmt.Fprintln(stdout, text)
			return err
		}),
	}
	create.Flags().StringVar(&name, "name", "", "whose it is: in the log of access")
	create.Flags().StringVar(&role, "role", "", "what it may: "+strings.Join(roles, ", "))
	create.Flags().DurationVar(&life, "expires", 90*24*time.Hour, "after how long it holds no more")
	list := &cobra.Command{
		Use: "list", Short: "List tokens", Args: usage(cobra.NoArgs),
		PreRunE: func(*cobra.Command, []string) error { return r.check() },
		RunE: readingFeed(&path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
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
	r.flag(list)
	revoke := &cobra.Command{
		Use: "revoke NAME", Short: "End all tokens of a name", Args: usage(cobra.ExactArgs(1)),
		RunE: withFeed(&path, func(cmd *cobra.Command, s *feed.Store, args []string) error {
			n, err := s.Revoke(cmd.Context(), args[0])
			if err == nil && n == 0 {
				err = fmt.Errorf("there is no token of %q that holds: outflow token list", args[0])
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s tokens are revoked\n", plain.Count(int(n)))
			return err
		}),
	}
	cmd.AddCommand(create, list, revoke)
	return cmd
}

func newAudit(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "audit", Short: "Check the log of access", Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&path, "config", "", "the configuration `FILE` of the daemon")
	var anchors []string
	verify := &cobra.Command{
		Use: "verify", Short: "Check that no line of the log of access was changed, added or taken out", Args: usage(cobra.NoArgs),
		Long: `Verify checks the chain of the log of access and prints what binds its last line. Keep
that where administrators of this machine cannot write: lines that are cut off the end
leave a chain that fits, but ends elsewhere. The daemon logs it every hour ("anchor of the
log of access"), so that it is wherever its log is shipped to; --anchor checks against it.`,
		RunE: readingFeed(&path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
			var list []feed.Anchor
			for _, text := range anchors {
				line, head, _ := strings.Cut(text, ":")
				n, err := strconv.ParseInt(line, 10, 64)
				if err != nil || len(head) != 64 {
					return &exit{exitUsage, fmt.Errorf("--anchor %q: not LINE:HEAD", text)}
				}
				list = append(list, feed.Anchor{Line: n, Head: head})
			}
			n, head, err := s.Verify(cmd.Context(), list...)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(stdout, "%s lines, whole. Head: %s\n", plain.Count(int(n)), head)
			return err
		}),
	}
	verify.Flags().StringArrayVar(&anchors, "anchor", nil, "`LINE:HEAD` that was kept elsewhere; may repeat")
	cmd.AddCommand(verify)
	return cmd
}
