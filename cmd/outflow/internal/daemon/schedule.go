package daemon

import (
	"context"
	"errors"
	"log/slog"
	"time"

	cron "github.com/netresearch/go-cron"

	"github.com/outflow/outflow/alert"
	reports "github.com/outflow/outflow/alert/report"
	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/cmd/outflow/internal/reporting"
	"github.com/outflow/outflow/internal/guard"
)

// due is the latest moment of a schedule within the last week, up to now; zero if there
// is none.
func due(s cron.Schedule, zone *time.Location, now time.Time) (last time.Time) {
	now = now.In(zone)
	for at := s.Next(now.AddDate(0, 0, -7)); !at.IsZero() && !at.After(now); at = s.Next(at) {
		last = at
	}
	return last
}

// digestChannel is the name under which the store records that a digest was sent.
const digestChannel = " digest"

// mailDigests mails the digest of the week before once its time has come, also if that
// was while the daemon was down; each once.
func (d *Daemon) mailDigests(ctx context.Context) error {
	logged := "" // the error that was logged last
	for {
		err := guard.Do("digest", func() error {
			return MailDigest(ctx, d.dir, d.current(), d.alerts, d.Log, time.Now())
		})
		if err != nil && ctx.Err() == nil && err.Error() != logged {
			logged = err.Error()
			d.stats.failures.Add(1)
			d.Log.Error("digest not sent; retrying", "err", err)
		}
		if err := pause(ctx, time.Minute); err != nil {
			return err
		}
	}
}

// MailDigest mails the digest of the week before now, as the schedule of conf wants it, from the
// data directory dir, unless it has been mailed.
func MailDigest(ctx context.Context, dir string, conf *config.Config, alerts *alert.Store, log *slog.Logger, now time.Time) error {
	schedule, zone, err := conf.Digest.Times()
	if err != nil {
		return err
	}
	at := due(schedule, zone, now)
	if at.IsZero() {
		return nil
	}
	week, _ := reports.WeekOf(at.AddDate(0, 0, -7))
	if sent, err := alerts.WasSent(ctx, digestChannel, week); err != nil || sent {
		return err
	}
	monday, err := reports.ParseWeek(week)
	if err != nil {
		return err
	}
	f := reporting.Source{Data: dir, People: conf.Digest.People, Conf: conf}
	if err := f.Mail(ctx, monday); partly(log, "digest", err) != nil {
		return err
	}
	if err := alerts.RecordSent(ctx, digestChannel, week, now); err != nil {
		return err
	}
	log.Info("digest sent", "week", week)
	return nil
}

// partly logs that a message was sent to some of its recipients, which is no error: the others would get it again.
func partly(log *slog.Logger, what string, err error) error {
	if part, ok := errors.AsType[*alert.Partly](err); ok {
		log.Error(what+" not sent to all recipients", "err", part)
		return nil
	}
	return err
}
