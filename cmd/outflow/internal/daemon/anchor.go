package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/feed"
	"github.com/outflow/outflow/internal/finding"
)

// anchorChannel is the name under which the store records that an anchor was sent.
const anchorChannel = " audit"

// keepAnchor appends an anchor of the audit log to the file of the configuration, and sends it through the channel
// when that is due.
func (d *Daemon) keepAnchor(ctx context.Context, a feed.Anchor) error {
	conf := d.current()
	audit := &conf.Feed.Audit
	var err error
	if audit.Anchors != "" {
		err = appendAnchor(audit.Anchors, a, time.Now())
	}
	if audit.Channel == "" {
		return err
	}
	return errors.Join(err, d.sendAnchor(ctx, a, time.Now()))
}

// appendAnchor appends an anchor to a file, unless it is the last one there.
func appendAnchor(path string, a feed.Anchor, now time.Time) error {
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	text := fmt.Sprintf("%d:%s", a.Line, a.Head)
	if strings.HasSuffix(string(b), " "+text+"\n") {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s %s\n", now.UTC().Format(time.RFC3339), text)
	return errors.Join(err, f.Sync(), f.Close())
}

// sendAnchor sends an anchor through the channel of the configuration, once in each of its periods.
func (d *Daemon) sendAnchor(ctx context.Context, a feed.Anchor, now time.Time) error {
	conf := d.current()
	audit := &conf.Feed.Audit
	period := now.UTC().Truncate(cmp.Or(audit.Every, 24*time.Hour)).Format(time.RFC3339)
	if sent, err := d.alerts.WasSent(ctx, anchorChannel, period); err != nil || sent {
		return err
	}
	for i := range conf.Channels {
		c := &conf.Channels[i]
		if c.Name != audit.Channel {
			continue
		}
		n, err := c.Open(ctx)
		if err != nil {
			return err
		}
		if _, err := n.Notify(ctx, &alert.Message{Alert: anchorNotice(a, now)}); partly(d.Log, "anchor", err) != nil {
			return fmt.Errorf("channel %s: %w", c.Name, err)
		}
		return d.alerts.RecordSent(ctx, anchorChannel, period, now)
	}
	return nil
}

// anchorNotice is the message with an anchor.
func anchorNotice(a feed.Anchor, now time.Time) alert.Alert {
	id := sha256.Sum256([]byte(a.Head))
	at := now.UnixMilli()
	return alert.FromFinding(&finding.Finding{
		Episode: fmt.Sprintf("%x", id[:8]), Revision: 1, Detector: "audit_anchor", Health: true, Time: at, Start: at, End: at, Complete: at,
		Title: fmt.Sprintf("Audit log: %d lines", a.Line),
		Reason: fmt.Sprintf("Keep this message: it shows later whether lines were removed from the audit log of accesses "+
			"(outflow audit verify --anchor %d:%s)", a.Line, a.Head),
		Context: []string{}, Sources: []string{}, Techniques: []string{}, EventIDs: []string{},
	})
}
