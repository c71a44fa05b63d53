package daemon

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/outflow/outflow/cmd/outflow/internal/config"
	"github.com/outflow/outflow/internal/guard"
)

// watchConfig reads the configuration again on SIGHUP, and when its file changes.
// What cannot change while the daemon runs is refused, with all the rest.
func (d *Daemon) watchConfig(ctx context.Context) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	modified := func() time.Time {
		if info, err := os.Stat(d.Path); err == nil {
			return info.ModTime()
		}
		return time.Time{}
	}
	before := modified()
	look := time.NewTicker(2 * time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-look.C:
			if now := modified(); now.Equal(before) || now.IsZero() {
				continue
			}
		}
		before = modified()
		if err := guard.Do("reload", d.readConfig); err != nil {
			d.stats.failures.Add(1)
			d.health.set("configuration", d.Path, err.Error())
			d.Log.Error("configuration not reloaded", "file", d.Path, "err", err)
			continue
		}
		d.health.clear("configuration", d.Path)
		d.warnDeprecated()
		d.Log.Info("configuration reloaded", "file", d.Path)
	}
}

// warnDeprecated logs the deprecated keys that the file of the configuration uses.
func (d *Daemon) warnDeprecated() {
	for _, k := range config.Deprecated(d.Path) {
		d.Log.Warn("configuration key is deprecated", "key", k.Old, "use", k.New)
	}
}

// readConfig reads the configuration again, and has it hold from now on.
func (d *Daemon) readConfig() error {
	conf, err := config.LoadFor(d.Path, d.Roles...)
	if err == nil {
		err = d.Config.MayBecome(conf)
	}
	if err == nil {
		d.reload.Store(conf)
	}
	return err
}
