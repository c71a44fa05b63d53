package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/keys"
	"github.com/outflow/outflow/internal/plain"
)

func newAudit(stdout io.Writer) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check the audit log of accesses",
		Args:  usage(cobra.NoArgs),
		RunE:  group,
	}
	configFlag(cmd, &path)
	cmd.AddCommand(newAuditVerify(stdout, &path))
	return cmd
}

func newAuditVerify(stdout io.Writer, path *string) *cobra.Command {
	var anchors []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Verify the audit log's hash chain",
		Long: `Verify checks the hash chain of the audit log of accesses and prints its head. Keep the
head where administrators of this machine cannot write: if lines are cut off at the end,
the chain still fits, but has another head. The daemon logs the head every hour ("audit
log anchor"), so it is wherever that log is shipped to, and keeps it where feed.audit of the
configuration says: verify checks the chain against every anchor in that file, and fails if
the file is missing. With --anchor, it checks it against one that was kept elsewhere.

A log that is whole gets a further line, which says who verified it; one that is not stays as
it is. In a folder that cannot be written there is no line, and verify says so.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var n int64
			var head string
			verify := readingFeed(path, func(cmd *cobra.Command, s *feed.Store, _ []string) error {
				list, err := parseAnchors(anchors)
				if err != nil {
					return err
				}
				kept, err := keptAnchors(*path)
				if err != nil {
					return err
				}
				n, head, err = s.Verify(cmd.Context(), append(list, kept...)...)
				return err
			})
			if err := verify(cmd, args); err != nil {
				return err
			}
			// The file is not open twice: one that comes from a backup is first opened for writing by one process alone.
			if err := logVerified(cmd, *path, n); err != nil {
				return err
			}
			_, err := fmt.Fprintf(stdout, "%s, whole. Head: %s\n", plain.CountOf(int(n), "line", "lines"), head)
			return err
		},
	}
	cmd.Flags().StringArrayVar(&anchors, "anchor", nil, "`LINE:HEAD` that was kept elsewhere; may be repeated")
	return cmd
}

// logVerified writes to the audit log that it was found whole. A folder that cannot be written is verified without that,
// which standard error says.
func logVerified(cmd *cobra.Command, path string, lines int64) error {
	dir, err := daemonDir(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".verify-*")
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "The audit log has no line about this: %v.\n", err)
		return err
	}
	if err != nil {
		return err
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return err
	}
	s, err := keys.OpenFeed(cmd.Context(), dir)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.LogVerified(cmd.Context(), time.Now().UTC(), account(), lines)
}

// keptAnchors reads the file with anchors of a configuration; none if it names no file.
func keptAnchors(path string) ([]feed.Anchor, error) {
	conf, err := config.Load(path)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	name := conf.Feed.Audit.Anchors
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("anchors of the audit log: %w", err)
	}
	var texts []string
	for line := range strings.Lines(string(b)) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		texts = append(texts, text)
	}
	list, err := parseAnchors(texts)
	if err != nil || len(list) == 0 {
		return nil, fmt.Errorf("anchors of the audit log: %s was changed", plain.Escape(name))
	}
	return list, nil
}

// parseAnchors reads the values of --anchor.
func parseAnchors(texts []string) (list []feed.Anchor, err error) {
	for _, text := range texts {
		line, head, _ := strings.Cut(text, ":")
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil || len(head) != 64 {
			return nil, &exit{exitUsage, fmt.Errorf("--anchor %q: not LINE:HEAD", text)}
		}
		list = append(list, feed.Anchor{Line: n, Head: head})
	}
	return list, nil
}
