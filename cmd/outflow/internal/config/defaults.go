package config

import (
	"cmp"
	"time"
)

const (
	usualPeriod = 5 * time.Minute // of the heartbeat

	// UsualShare is the share of a day's records that must have been processed for all to be
	// well, unless heartbeat.share is set.
	UsualShare = .99
)

// setDefaults fills in what the file leaves out.
func (c *Config) setDefaults() {
	c.DataDir = cmp.Or(c.DataDir, "data")
	c.useRenamed()
	c.Log.setDefaults()
	c.Digest.People = cmp.Or(c.Digest.People, "pseudonyms")
	c.Heartbeat.Every = cmp.Or(c.Heartbeat.Every, usualPeriod)
	c.Heartbeat.Share = cmp.Or(c.Heartbeat.Share, UsualShare)
	for i := range c.Channels {
		c.Channels[i].setDefaults()
	}
}

func (l *Log) setDefaults() {
	l.Kind = cmp.Or(l.Kind, "sqlite")
	l.Tasks = cmp.Or(l.Tasks, 1)
	if l.Tasks > 1 {
		l.Partitions = cmp.Or(l.Partitions, l.Tasks)
	}
	l.Partitions = cmp.Or(l.Partitions, map[string]int{"sqlite": 4, "kafka": 16}[l.Kind])
	l.Retention = cmp.Or(l.Retention, 30*24*time.Hour)
	l.TopicPrefix = cmp.Or(l.TopicPrefix, "outflow")
	l.Replication = cmp.Or(l.Replication, 1)
}

func (c *Channel) setDefaults() {
	people := "pseudonyms"
	if c.Kind == "file" {
		people = "names"
	}
	c.People = cmp.Or(c.People, people)
	c.Purpose = cmp.Or(c.Purpose, "soc")
}
