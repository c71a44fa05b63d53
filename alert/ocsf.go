package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/outflow/outflow/internal/attack"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that the output follows. Tests check every
// attribute against it (internal/standards).
const ocsfVersion = "1.8.0"

// ocsfFinding is the Detection Finding class (2004) of OCSF with the profile incident, with the attributes that are
// set. https://schema.ocsf.io/1.8.0/classes/detection_finding
type ocsfFinding struct {
	ActivityID   int              `json:"activity_id"`
	ActivityName string           `json:"activity_name"`
	CategoryUID  int              `json:"category_uid"`
	CategoryName string           `json:"category_name"`
	ClassUID     int              `json:"class_uid"`
	ClassName    string           `json:"class_name"`
	TypeUID      int              `json:"type_uid"`
	TypeName     string           `json:"type_name"`
	Time         int64            `json:"time"`
	StartTime    int64            `json:"start_time"`
	EndTime      int64            `json:"end_time"`
	SeverityID   int              `json:"severity_id"`
	Severity     string           `json:"severity"`
	StatusID     int              `json:"status_id"`
	Status       string           `json:"status"`
	StatusDetail string           `json:"status_detail,omitempty"`
	VerdictID    int              `json:"verdict_id"`
	Verdict      string           `json:"verdict"`
	ConfidenceID int              `json:"confidence_id"`
	Confidence   string           `json:"confidence"`
	IsAlert      bool             `json:"is_alert"`
	Assignee     *ocsfUser        `json:"assignee,omitempty"`
	SrcURL       string           `json:"src_url,omitempty"`
	RiskScore    int              `json:"risk_score"`
	Message      string           `json:"message"`
	Count        int              `json:"count"`
	Metadata     ocsfMetadata     `json:"metadata"`
	FindingInfo  ocsfInfo         `json:"finding_info"`
	Anomalies    []ocsfAnalysis   `json:"anomaly_analyses,omitempty"`
	Evidences    []ocsfEvidence   `json:"evidences,omitempty"`
	Resources    []ocsfResource   `json:"resources,omitempty"`
	Observables  []ocsfObservable `json:"observables,omitempty"`
	Unmapped     map[string]any   `json:"unmapped"`
}

// ocsfAnalysis compares what was observed with what is usual.
type ocsfAnalysis struct {
	Targets   []ocsfTarget   `json:"analysis_targets"`
	Anomalies []ocsfObserved `json:"anomalies"`
	Baselines []ocsfObserved `json:"baselines,omitempty"`
}

type ocsfTarget struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type ocsfObserved struct {
	Parameter    string            `json:"observation_parameter"`
	Type         string            `json:"observation_type,omitempty"`
	Pattern      string            `json:"observed_pattern,omitempty"`
	Observations []ocsfObservation `json:"observations"`
}

type ocsfObservation struct {
	Value string        `json:"value"`
	Span  *ocsfTimespan `json:"timespan,omitempty"`
}

type ocsfTimespan struct {
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Start  int64  `json:"start_time"`
	End    int64  `json:"end_time"`
}

// anomalies returns the counts of the receipt that contribute to the score.
func anomalies(a *Alert) (list []ocsfAnalysis) {
	r := a.Receipt
	if r == nil {
		return nil
	}
	num := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	value := func(x float64) []ocsfObservation { return []ocsfObservation{{Value: num(x)}} }
	for i := range r.Counts {
		c := &r.Counts[i]
		if c.Points <= 0 {
			continue
		}
		list = append(list, ocsfAnalysis{
			Targets: []ocsfTarget{{a.User, "User"}},
			Anomalies: []ocsfObserved{
				{c.Metric, c.Window, c.Unit, []ocsfObservation{{num(c.Total), &ocsfTimespan{9, "Time Interval", r.Start, r.At}}}},
			},
			Baselines: []ocsfObserved{
				{c.Metric, "own", "usual day, on the scale of the model", value(c.Own)},
				{c.Metric, "peers", "", value(c.Peers)},
				{c.Metric, "organisation", "", value(c.Organisation)},
			},
		})
	}
	return list
}

type ocsfMetadata struct {
	Version      string      `json:"version"`
	UID          string      `json:"uid"`
	Correlation  string      `json:"correlation_uid,omitempty"`
	EventCode    string      `json:"event_code"`
	Product      ocsfProduct `json:"product"`
	Profiles     []string    `json:"profiles"`
	Labels       []string    `json:"labels,omitempty"`
	ModifiedTime int64       `json:"modified_time"`
}

type ocsfProduct struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
	Version    string `json:"version"`
}

type ocsfInfo struct {
	UID           string             `json:"uid"`
	Title         string             `json:"title"`
	Desc          string             `json:"desc"`
	CreatedTime   int64              `json:"created_time"`
	ModifiedTime  int64              `json:"modified_time"`
	FirstSeenTime int64              `json:"first_seen_time"`
	LastSeenTime  int64              `json:"last_seen_time"`
	Types         []string           `json:"types"`
	DataSources   []string           `json:"data_sources,omitempty"`
	Analytic      ocsfAnalytic       `json:"analytic"`
	Others        []ocsfAnalytic     `json:"related_analytics,omitempty"`
	Attacks       []ocsfAttack       `json:"attacks,omitempty"`
	Related       []ocsfRelatedEvent `json:"related_events,omitempty"`
	RelatedCount  int                `json:"related_events_count,omitempty"`
	SrcURL        string             `json:"src_url,omitempty"`
}

type ocsfAnalytic struct {
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	UID    string `json:"uid"`
	Name   string `json:"name,omitempty"`
}

type ocsfAttack struct {
	Version      string     `json:"version"`
	Tactic       *ocsfNamed `json:"tactic,omitempty"`
	Technique    ocsfNamed  `json:"technique"`
	SubTechnique *ocsfNamed `json:"sub_technique,omitempty"`
}

// ocsfNamed is a tactic or technique.
type ocsfNamed struct {
	UID  string `json:"uid"`
	Name string `json:"name,omitempty"`
}

type ocsfRelatedEvent struct {
	UID string `json:"uid"`
}

type ocsfUser struct {
	Name   string `json:"name"`
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Email  string `json:"email_addr,omitempty"`
}

// ocsfEmail is what OCSF takes for an e-mail address.
var ocsfEmail = regexp.MustCompile("^[a-zA-Z0-9!#$%&'*+-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\\.[a-zA-Z0-9-.]+$")

// newOCSFUser returns an account of a type of OCSF.
func newOCSFUser(name string, id int, kind string) ocsfUser {
	u := ocsfUser{Name: name, UID: name, TypeID: id, Type: kind}
	if ocsfEmail.MatchString(name) {
		u.Email = name
	}
	return u
}

// ocsfCode is a value of an enumeration of OCSF, with its caption.
type ocsfCode struct {
	id      int
	caption string
}

// The captions of what Outflow distinguishes.
var (
	ocsfSeverities = [...]string{"Informational", "Low", "Medium", "High", "Critical"}
	ocsfActivities = [...]string{1: "Create", "Update", "Close"}
	ocsfStatuses   = map[TriageStatus]ocsfCode{
		TriageNew: {1, "New"}, TriageInProgress: {2, "In Progress"}, TriageSuppressed: {3, "Suppressed"}, TriageResolved: {4, "Resolved"},
	}
	ocsfVerdicts = map[Verdict]ocsfCode{
		"": {0, "Unknown"}, VerdictFalse: {1, "False Positive"}, VerdictTrue: {2, "True Positive"}, VerdictBenign: {5, "Benign"},
		VerdictDuplicate: {10, "Duplicate"},
	}
)

// confidence returns how much can be relied on an alert, by the number of false alerts to expect at its score.
func (a *Alert) confidence() ocsfCode {
	switch {
	case a.Health:
		return ocsfCode{0, "Unknown"}
	case a.Rate <= criticalFrom:
		return ocsfCode{3, "High"}
	case a.Rate <= mediumFrom:
		return ocsfCode{2, "Medium"}
	}
	return ocsfCode{1, "Low"}
}

// modified returns when an alert was last changed, as far as it says.
func (a *Alert) modified() time.Time {
	last := a.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	for _, x := range a.Exposures {
		if x.Closed != nil {
			later(*x.Closed)
		}
	}
	for _, r := range a.Again {
		later(r.Time)
	}
	for _, l := range a.Lowered {
		later(l.Time)
	}
	if a.Triage != nil {
		later(a.Triage.At)
	}
	return last
}

// ocsf returns a message about an alert as a Detection Finding.
func ocsf(m *Message, version string) ocsfFinding {
	a := &m.Alert
	f := ocsfFinding{
		ActivityID:   1,
		CategoryUID:  2,
		CategoryName: "Findings",
		ClassUID:     2004,
		ClassName:    "Detection Finding",
		Time:         a.Time.UnixMilli(),
		StartTime:    a.Window.Start.UnixMilli(),
		EndTime:      a.Window.End.UnixMilli(),
		SeverityID:   int(a.Severity) + 1,
		Severity:     ocsfSeverities[a.Severity],
		ConfidenceID: a.confidence().id,
		Confidence:   a.confidence().caption,
		IsAlert:      true,
		SrcURL:       m.Link,
		RiskScore:    int(a.Score + .5),
		Message:      sentence(a),
		Count:        max(a.EventCount, 1),
		Metadata: ocsfMetadata{
			Version:      ocsfVersion,
			UID:          fmt.Sprintf("%s-%d", a.ID, a.Revision),
			Correlation:  a.Case,
			EventCode:    a.Detector,
			Product:      ocsfProduct{"Outflow", "Outflow", cmp.Or(version, "dev")},
			Profiles:     []string{"incident"},
			ModifiedTime: a.modified().UnixMilli(),
		},
		FindingInfo: findingInfo(m),
		Anomalies:   anomalies(a),
		Evidences:   evidences(a),
		Resources:   resources(a),
		Unmapped:    unmapped(a),
	}
	f.Observables = observables(&f)
	if a.Revision > 1 {
		f.ActivityID = 2
	}
	f.decide(m)
	f.ActivityName = ocsfActivities[f.ActivityID]
	f.TypeUID, f.TypeName = 100*f.ClassUID+f.ActivityID, f.ClassName+": "+f.ActivityName
	return f
}

// decide sets what was decided about an alert: by people, by later events, or by being a test.
func (f *ocsfFinding) decide(m *Message) {
	a := &m.Alert
	status, verdict := ocsfStatuses[TriageNew], ocsfVerdicts[""]
	if t := a.Triage; t != nil {
		if t.Number > 0 { // channels count decisions
			f.Metadata.UID += fmt.Sprintf("-%d", t.Number)
		}
		f.ActivityID = 2
		status, verdict = ocsfStatuses[t.Status], ocsfVerdicts[t.Verdict]
		f.IsAlert = t.Status != TriageSuppressed
		if t.Assignee != "" {
			assignee := newOCSFUser(t.Assignee, 1, "User")
			f.Assignee = &assignee
		}
	}
	if a.Withdrawn {
		status, f.StatusDetail = ocsfStatuses[TriageResolved], "Withdrawn: later events made the alert obsolete"
	}
	if m.Test {
		verdict = ocsfCode{6, "Test"}
		f.IsAlert, f.Metadata.Labels = false, []string{"test"}
	}
	if status == ocsfStatuses[TriageResolved] {
		f.ActivityID, f.IsAlert = 3, false
	}
	if m.Repeat {
		f.Metadata.Labels = append(f.Metadata.Labels, "possible repeat")
	}
	f.StatusID, f.Status = status.id, status.caption
	f.VerdictID, f.Verdict = verdict.id, verdict.caption
}

// findingInfo returns the title, techniques and events of the finding.
func findingInfo(m *Message) ocsfInfo {
	a := &m.Alert
	info := ocsfInfo{
		UID:           a.ID,
		Title:         a.Title,
		Desc:          a.Reason,
		CreatedTime:   a.Time.UnixMilli(),
		ModifiedTime:  a.modified().UnixMilli(),
		FirstSeenTime: a.Window.Start.UnixMilli(),
		LastSeenTime:  a.Window.End.UnixMilli(),
		Types:         []string{"Insider risk"},
		DataSources:   a.Sources,
		Analytic:      analytic(a.Detector, a.DetectorTitle()),
		Attacks:       attacks(a.Techniques),
		SrcURL:        m.Link,
	}
	if a.Health && len(a.Evidence) > 0 {
		info.Types = []string{"Health of the data"}
	}
	for i := range a.Evidence {
		if e := &a.Evidence[i]; e.Detector != a.Detector {
			info.Others = append(info.Others, analytic(e.Detector, e.Title))
		}
	}
	for _, id := range a.EventIDs {
		info.Related = append(info.Related, ocsfRelatedEvent{id})
	}
	if len(info.Related) > 0 {
		info.RelatedCount = max(a.EventCount, len(info.Related))
	}
	return info
}

// analytic returns a detector. Only that of users' rules matches events one by one.
func analytic(detector, title string) ocsfAnalytic {
	if detector == "user_rule" {
		return ocsfAnalytic{1, "Rule", detector, title}
	}
	return ocsfAnalytic{2, "Behavioral", detector, title}
}

// attacks returns each technique once for each tactic that ATT&CK lists it under.
func attacks(techniques []string) (list []ocsfAttack) {
	for _, id := range techniques {
		t, _ := attack.Lookup(id)
		x := ocsfAttack{Version: attack.Version, Technique: ocsfNamed{id, t.Name}}
		if t.Parent != "" {
			parent, _ := attack.Lookup(t.Parent)
			x.Technique, x.SubTechnique = ocsfNamed{t.Parent, parent.Name}, &ocsfNamed{id, t.Name}
		}
		if len(t.Tactics) == 0 { // ATT&CK does not have it any more
			list = append(list, x)
		}
		for _, tactic := range t.Tactics {
			x.Tactic = &ocsfNamed{tactic.ID, tactic.Name}
			list = append(list, x)
		}
	}
	return list
}

// unmapped returns the properties for which the class has no attribute.
func unmapped(a *Alert) map[string]any {
	m := map[string]any{
		"score":            a.Score,
		"rate":             a.Rate,
		"provisional":      a.Provisional,
		"case":             a.Case,
		"revision":         a.Revision,
		"data_complete_to": a.DataCompleteTo.UnixMilli(),
		"baseline_days":    a.BaselineDays,
		"context":          a.Context,
	}
	if len(a.Exposures) > 0 {
		m["exposures"] = a.Exposures
	}
	if len(a.Again) > 0 {
		m["again"] = a.Again
	}
	if len(a.Lowered) > 0 {
		m["lowered"] = a.Lowered
	}
	return m
}

// writeOCSF writes one Detection Finding a line.
func writeOCSF(w io.Writer, list []Alert, o Options) error {
	enc := json.NewEncoder(w)
	for i := range list {
		if err := enc.Encode(ocsf(&Message{Alert: list[i]}, o.Version)); err != nil {
			return err
		}
	}
	return nil
}
