package daemon

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/outflow/outflow/internal/buildinfo"
)

// newRegistry returns the metrics of a process: those of a status, of notifications, of the build
// and of the Go runtime.
func newRegistry(look func() *Status, stats *runStats) *prometheus.Registry {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "outflow_build_info",
		Help:        "1; the labels are the version of Outflow and that of Go.",
		ConstLabels: prometheus.Labels{"version": buildinfo.Version(), "goversion": runtime.Version()},
	})
	info.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		&collector{look},
		&notifications{stats},
		stats.histogram(),
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// handlePprof serves profiles of the process below /debug/pprof/.
func handlePprof(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// notifications counts what channels sent, and how often they failed.
type notifications struct{ stats *runStats }

var descNotifications = prometheus.NewDesc("outflow_notifications_total",
	"Notifications by channel and outcome, since the start: sent, or failed attempts, which are retried.",
	[]string{"channel", "outcome"}, nil)

// Describe implements prometheus.Collector.
func (n *notifications) Describe(ch chan<- *prometheus.Desc) { ch <- descNotifications }

// Collect implements prometheus.Collector.
func (n *notifications) Collect(ch chan<- prometheus.Metric) {
	n.stats.mu.Lock()
	defer n.stats.mu.Unlock()
	for channel, c := range n.stats.channels {
		emit := func(outcome string, v int64) {
			ch <- prometheus.MustNewConstMetric(descNotifications, prometheus.CounterValue, float64(v), channel, outcome)
		}
		emit("sent", c.sent)
		emit("failed", c.failed)
	}
}

// channelStats is what a channel sent since the start, and how often it failed.
type channelStats struct{ sent, failed int64 }

// latencyBuckets are seconds: from live alerts to those about events that arrive days late.
var latencyBuckets = []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600}

// newLatency returns the histogram of the time from an alert's last event to its notification.
func newLatency() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "outflow_notification_latency_seconds",
		Help:    "Time from the last event of an alert to its notification, by channel.",
		Buckets: latencyBuckets,
	}, []string{"channel"})
}

// observe counts that a channel sent an alert with its last event at some time, or that its
// receiver refused it for good.
func (s *runStats) observe(channel string, event time.Time, err error, now time.Time) {
	if err != nil {
		s.notified(channel, 0, err)
		return
	}
	s.histogram().WithLabelValues(channel).Observe(max(now.Sub(event), 0).Seconds())
}

// histogram is that of the latency of notifications.
func (s *runStats) histogram() *prometheus.HistogramVec {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latency == nil {
		s.latency = newLatency()
	}
	return s.latency
}

// notified counts an attempt of a channel to send what waits for it.
func (s *runStats) notified(channel string, sent int, err error) {
	s.sent.Add(int64(sent))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels == nil {
		s.channels = map[string]*channelStats{}
	}
	c := s.channels[channel]
	if c == nil {
		c = &channelStats{}
		s.channels[channel] = c
	}
	c.sent += int64(sent)
	if err != nil {
		c.failed++
	}
}

// collector turns a status into metrics when they are asked for.
type collector struct{ look func() *Status }

// metric is a metric under its name, and under the deprecated one that it had before.
type metric struct {
	now *prometheus.Desc
	old *prometheus.Desc // nil if it has none
}

// statusMetrics are the metrics of a status, for Describe.
var statusMetrics []*metric

func desc(name, help string, labels ...string) *metric {
	m := &metric{now: prometheus.NewDesc("outflow_"+name, help, labels, nil)}
	statusMetrics = append(statusMetrics, m)
	return m
}

// renamed is desc for a metric that had another name in the release before.
func renamed(old, name, help string, labels ...string) *metric {
	m := desc(name, help, labels...)
	m.old = prometheus.NewDesc("outflow_"+old, "Deprecated: use outflow_"+name+". "+help, labels, nil)
	return m
}

// emit emits a value under all names of a metric.
func (m *metric) emit(ch chan<- prometheus.Metric, kind prometheus.ValueType, v float64, labels []string) {
	for _, d := range []*prometheus.Desc{m.now, m.old} {
		if d != nil {
			ch <- prometheus.MustNewConstMetric(d, kind, v, labels...)
		}
	}
}

var (
	descEvents    = desc("source_events_total", "Events that came of a vendor through a source.", "source", "vendor")
	descNewest    = desc("source_newest_timestamp_seconds", "Time of the newest event of a vendor through a source.", "source", "vendor")
	descDead      = desc("dead_letters", "Records that could not be decoded.")
	descLag       = desc("log_lag_records", "Records of the event log that are not read yet.", "partition")
	descProcessed = renamed("judge_events_total", "detect_events_total", "Events that were processed, since the start.")
	descRepeats   = renamed("judge_repeats_total", "detect_repeats_total", "Events that had come before, since the start.")
	descConfl     = renamed("judge_conflicts_total", "detect_conflicts_total",
		"Records that had the id of another event and other content, since the start.")
	descLate      = renamed("judge_late_total", "detect_late_total", "Events that arrived after the allowed lateness, since the start.")
	descRollbacks = renamed("judge_rewinds_total", "detect_rollbacks_total", "Rollbacks caused by late events, since the start.")
	descHeld      = renamed("judge_window_events", "detect_window_events", "Events of the last days that are held.")
	descPeople    = renamed("judge_people", "detect_people", "People and service accounts that are known.")
	descNames     = renamed("judge_names_left_out_total", "detect_names_left_out_total",
		"Names that had only failed to sign in and were forgotten, because there were too many.")
	descGuests = renamed("judge_guest_events_left_out_total", "detect_guest_events_left_out_total",
		"Events of outsiders that were not processed, because too many of them were new.")
	descWatermark = renamed("judge_newest_timestamp_seconds", "detect_newest_timestamp_seconds",
		"Time of the newest event that was processed.")
	descKnown    = desc("alerts_known", "Alerts in the notification log.")
	descNotified = renamed("alerts_told", "alerts_notified", "Alerts that were sent through a channel.")
	descWaiting  = desc("alerts_waiting", "Alerts that wait for a channel.")
	descAllowed  = desc("budget_asked", "False alerts per 1,000 user-days that the budget allows.")
	descKept     = desc("budget_kept", "False alerts per 1,000 user-days that passed in the last four weeks: dismissed ones (least), "+
		"and with those that nobody has decided about (most).", "bound")
	descSize   = desc("state_bytes", "Size of a file of the state.", "file")
	descTasks  = renamed("judge_shards", "detect_tasks", "Tasks that are processed here.")
	descWaited = renamed("judge_waited_seconds_total", "detect_waited_seconds_total",
		"Time spent waiting for processors of other tasks, since the start.")
	descSave    = renamed("judge_save_seconds", "detect_checkpoint_seconds", "How long it took to store the last checkpoint.")
	descAsked   = desc("stream_answered_timestamp_seconds", "When the vendor answered last, by stream of an API.", "source", "stream")
	descFailing = desc("stream_failing", "Whether a stream of an API cannot be read.", "source", "stream")
	descGaps    = desc("stream_gaps_total", "Stretches of time that could not be read, and will not be.", "source", "stream")
	descAgain   = desc("api_repeats_total",
		"Records that APIs sent again within a short time, since the start: they are not appended again.")
	descPanics  = desc("panics_total", "Panics that were caught, since the start.", "where")
	descMissing = desc("folders_missing", "Folders of a source that cannot be read.", "source")
	descUnread  = desc("files_unreadable", "Files and directories of a source that could not be read, and are tried again.", "source")
	descQueue   = desc("files_waiting", "Files of a source that wait to be read, or are being read.", "source")
	descLost    = desc("notifications_lost_total", "How often notifications of changes were lost, since the start.")
	descRoom    = desc("disk_free_bytes", "Room on the disk of the state.")
	descStopped = desc("intake_stopped", "Whether intake is stopped because the disk is nearly full.")
	descReason  = desc("conditions", "What keeps the daemon from doing all of its job, by kind.", "kind")
	descCame    = desc("arrived_records",
		"What became of the records that came today (UTC), by vendor: received is the sum of the others.", "vendor", "outcome")
	descDeadNow = desc("arrived_undecoded_records", "Records that came today (UTC) and could not be decoded, by source.", "source")
	descShare   = renamed("judged_ratio", "detect_processed_ratio",
		"Of what came today (UTC), and not before, how much was processed: 0 to 1.")
	descBeat   = desc("heartbeat_timestamp_seconds", "When all was well last: everything is read, decoded and processed.")
	descFailed = desc("failures_total", "Failures that were logged, since the start.")
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range statusMetrics {
		ch <- m.now
		if m.old != nil {
			ch <- m.old
		}
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.look()
	if s == nil {
		return
	}
	out := metricSink(ch)
	out.sources(s)
	out.processor(s)
	out.arrived(s.Arrived)
	out.alerts(s)
	out.state(s)
	out.conditions(s)
}

// metricSink takes the values of metrics.
type metricSink chan<- prometheus.Metric

func (out metricSink) gauge(m *metric, v float64, labels ...string) {
	m.emit(out, prometheus.GaugeValue, v, labels)
}

func (out metricSink) counter(m *metric, v float64, labels ...string) {
	m.emit(out, prometheus.CounterValue, v, labels)
}

// timestamp is a gauge of seconds since 1970; it has no value while the time is not known.
func (out metricSink) timestamp(m *metric, t time.Time, labels ...string) {
	if !t.IsZero() {
		out.gauge(m, float64(t.UnixMilli())/1000, labels...)
	}
}

// sources collects what came through sources: from APIs, and from folders.
func (out metricSink) sources(s *Status) {
	for _, v := range s.Sources {
		out.counter(descEvents, float64(v.Events), v.Source, v.Vendor)
		out.timestamp(descNewest, v.Newest, v.Source, v.Vendor)
	}
	for _, st := range s.Streams {
		out.timestamp(descAsked, st.Asked, st.Source, st.Stream)
		failing := 0.0
		if st.Failing != "" {
			failing = 1
		}
		out.gauge(descFailing, failing, st.Source, st.Stream)
		out.counter(descGaps, float64(len(st.Gaps)), st.Source, st.Stream)
	}
	out.gauge(descDead, float64(s.Dead))
	out.counter(descAgain, float64(s.Repeats))
	for _, f := range s.Folders {
		out.gauge(descMissing, float64(len(f.Missing)), f.Source)
		out.gauge(descUnread, float64(f.Unreadable), f.Source)
		out.gauge(descQueue, float64(f.Waiting+f.Reading), f.Source)
	}
	out.counter(descLost, float64(s.Lost))
}

// processor collects how far the stream processor is, if one runs here.
func (out metricSink) processor(s *Status) {
	for _, p := range s.Parts {
		out.gauge(descLag, float64(p.Lag), strconv.Itoa(p.Partition))
	}
	j := s.Processor
	if j == nil {
		return
	}
	out.counter(descProcessed, float64(j.Processed))
	out.counter(descRepeats, float64(j.Repeats))
	out.counter(descConfl, float64(j.Conflicts))
	out.counter(descLate, float64(j.Late))
	out.counter(descRollbacks, float64(j.Rewinds))
	out.gauge(descHeld, float64(j.Held))
	out.gauge(descPeople, float64(j.People))
	out.counter(descNames, float64(j.Names))
	out.counter(descGuests, float64(j.Guests))
	out.gauge(descSave, j.Save)
	if j.Of > 0 {
		out.gauge(descTasks, float64(len(j.Shards)))
		out.counter(descWaited, j.Waited)
	}
	out.timestamp(descWatermark, j.Newest)
}

// arrived collects what became of the records that came today; nil if that is not known.
func (out metricSink) arrived(a *arrivedStatus) {
	if a == nil {
		return
	}
	for _, v := range a.Vendors {
		for outcome, n := range map[string]int64{
			"received":   v.Received,
			"judged":     v.Processed,
			"repeated":   v.Repeated,
			"late":       v.Late,
			"ahead":      v.Ahead,
			"erased":     v.Erased,
			"unreadable": v.Unreadable,
		} {
			out.gauge(descCame, float64(n), v.Vendor, outcome)
		}
	}
	for _, x := range a.Undecoded {
		out.gauge(descDeadNow, float64(x.Records), x.Source)
	}
	out.gauge(descShare, a.Share)
}

// alerts collects the notification log, if it is kept here.
func (out metricSink) alerts(s *Status) {
	if k := s.Budget; k != nil {
		out.gauge(descAllowed, k.Asked)
		out.gauge(descKept, k.Least, "least")
		out.gauge(descKept, k.Most, "most")
	}
	if a := s.Alerts; a != nil {
		out.gauge(descKnown, float64(a.Known))
		out.gauge(descNotified, float64(a.Notified))
		out.gauge(descWaiting, float64(a.Waiting))
	}
}

// state collects the sizes of the files of the state, and the room on its disk.
func (out metricSink) state(s *Status) {
	for name, size := range s.Sizes {
		out.gauge(descSize, float64(size), name)
	}
	if s.DiskFree > 0 {
		out.gauge(descRoom, float64(s.DiskFree))
	}
}

// conditions collects what is wrong with the process. The condition of the disk always has a value.
func (out metricSink) conditions(s *Status) {
	out.timestamp(descBeat, s.Heartbeat)
	for where, n := range s.Panics {
		out.counter(descPanics, float64(n), where)
	}
	kinds := map[string]int{"disk": 0}
	for _, c := range s.Conditions {
		kinds[c.Kind]++
	}
	out.gauge(descStopped, float64(kinds["disk"]))
	for kind, n := range kinds {
		out.gauge(descReason, float64(n), kind)
	}
	out.counter(descFailed, float64(s.Failures))
}
