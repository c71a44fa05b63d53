package alert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that the
// output follows.
const ocsfVersion = "1.6.0"

// ocsfFinding is the Detection Finding class (2004) of OCSF, with the attributes that are set.
// https://schema.ocsf.io/1.6.0/classes/detection_finding
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
	IsAlert      bool             `json:"is_alert"`
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
	Value string `json:"value"`
	Start int64  `json:"start_time,omitempty"`
	End   int64  `json:"end_time,omitempty"`
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
				{c.Metric, c.Window, c.Unit, []ocsfObservation{{num(c.Total), r.Start, r.At}}},
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
	Version string      `json:"version"`
	UID     string      `json:"uid"`
	Product ocsfProduct `json:"product"`
	Labels  []string    `json:"labels,omitempty"`
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
	FirstSeenTime int64              `json:"first_seen_time"`
	LastSeenTime  int64              `json:"last_seen_time"`
	Types         []string           `json:"types"`
	DataSources   []string           `json:"data_sources,omitempty"`
	Analytic      ocsfAnalytic       `json:"analytic"`
	Attacks       []ocsfAttack       `json:"attacks,omitempty"`
	Related       []ocsfRelatedEvent `json:"related_events,omitempty"`
}

type ocsfAnalytic struct {
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	UID    string `json:"uid"`
	Name   string `json:"name"`
}

type ocsfAttack struct {
	Version      string       `json:"version"`
	Technique    ocsfUIDName  `json:"technique"`
	SubTechnique *ocsfUIDName `json:"sub_technique,omitempty"`
}

type ocsfUIDName struct {
	UID string `json:"uid"`
}

type ocsfRelatedEvent struct {
	UID string `json:"uid"`
}

// ocsfEvidence is an Evidence Artifacts object: a detector's contribution, or one event that it rests on.
// https://schema.ocsf.io/1.6.0/objects/evidences
type ocsfEvidence struct {
	Actor       ocsfActor      `json:"actor"`
	API         *ocsfAPI       `json:"api,omitempty"`
	Data        map[string]any `json:"data"`
	File        *ocsfFile      `json:"file,omitempty"`
	SrcEndpoint *ocsfEndpoint  `json:"src_endpoint,omitempty"`
	HTTPRequest *ocsfHTTP      `json:"http_request,omitempty"`
	UID         string         `json:"uid,omitempty"`
}

type ocsfAPI struct {
	Operation string      `json:"operation"`
	Service   ocsfService `json:"service"`
}

type ocsfService struct {
	Name string `json:"name"`
}

type ocsfFile struct {
	Name   string    `json:"name"`
	Path   string    `json:"path,omitempty"`
	TypeID int       `json:"type_id"`
	UID    string    `json:"uid,omitempty"`
	Size   int64     `json:"size,omitempty"`
	URL    *ocsfURL  `json:"url,omitempty"`
	Owner  *ocsfUser `json:"owner,omitempty"`
}

type ocsfURL struct {
	URL string `json:"url_string"`
}

type ocsfEndpoint struct {
	IP       string        `json:"ip,omitempty"`
	Hostname string        `json:"hostname,omitempty"`
	Location *ocsfLocation `json:"location,omitempty"`
}

type ocsfLocation struct {
	Country string `json:"country"`
}

type ocsfHTTP struct {
	UserAgent string `json:"user_agent"`
}

// ocsfObservable is a value to search other data for.
// https://schema.ocsf.io/1.6.0/objects/observable
type ocsfObservable struct {
	Name   string `json:"name"` // the attribute that has the value
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
	Value  string `json:"value"`
}

type ocsfActor struct {
	User ocsfUser `json:"user"`
}

type ocsfUser struct {
	Name   string `json:"name"`
	UID    string `json:"uid"`
	TypeID int    `json:"type_id"`
	Type   string `json:"type"`
}

type ocsfResource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
	Name string `json:"name"`
}

var ocsfSeverities = [...]string{"Informational", "Low", "Medium", "High", "Critical"}

// ocsf returns an alert as a Detection Finding.
func ocsf(a *Alert, version string) ocsfFinding {
	if version == "" {
		version = "dev"
	}
	f := ocsfFinding{
		ActivityID:   1,
		ActivityName: "Create",
		CategoryUID:  2,
		CategoryName: "Findings",
		ClassUID:     2004,
		ClassName:    "Detection Finding",
		TypeUID:      200401,
		TypeName:     "Detection Finding: Create",
		Time:         a.Time.UnixMilli(),
		StartTime:    a.Window.Start.UnixMilli(),
		EndTime:      a.Window.End.UnixMilli(),
		SeverityID:   int(a.Severity) + 1,
		Severity:     ocsfSeverities[a.Severity],
		StatusID:     1,
		Status:       "New",
		IsAlert:      true,
		RiskScore:    int(a.Score + .5),
		Message:      sentence(a),
		Count:        max(a.EventCount, 1),
		Metadata: ocsfMetadata{
			Version: ocsfVersion,
			UID:     fmt.Sprintf("%s-%d", a.ID, a.Revision),
			Product: ocsfProduct{"Outflow", "Outflow", version},
		},
		FindingInfo: findingInfo(a),
		Anomalies:   anomalies(a),
		Evidences:   evidences(a),
		Resources:   resources(a),
		Observables: observables(a),
		Unmapped:    unmapped(a),
	}
	if a.Revision > 1 {
		f.ActivityID, f.ActivityName, f.TypeUID, f.TypeName = 2, "Update", 200402, "Detection Finding: Update"
	}
	return f
}

// findingInfo returns the title, techniques and events of the finding.
func findingInfo(a *Alert) ocsfInfo {
	info := ocsfInfo{
		UID:           a.ID,
		Title:         a.Title,
		Desc:          a.Reason,
		CreatedTime:   a.Time.UnixMilli(),
		FirstSeenTime: a.Window.Start.UnixMilli(),
		LastSeenTime:  a.Window.End.UnixMilli(),
		Types:         []string{"Insider risk"},
		DataSources:   a.Sources,
		Analytic:      ocsfAnalytic{TypeID: 2, Type: "Behavioral", UID: a.Detector, Name: a.Title},
	}
	if a.Health && len(a.Evidence) > 0 {
		info.Types = []string{"Health of the data"}
	}
	for _, t := range a.Techniques {
		attack := ocsfAttack{Version: "18", Technique: ocsfUIDName{t}}
		if i := slices.Index([]byte(t), '.'); i > 0 {
			attack.Technique.UID, attack.SubTechnique = t[:i], &ocsfUIDName{t}
		}
		info.Attacks = append(info.Attacks, attack)
	}
	for _, id := range a.EventIDs {
		info.Related = append(info.Related, ocsfRelatedEvent{id})
	}
	return info
}

// evidences returns the evidence with the user as actor. A finding about the health of the data
// has no actor, and so no evidences.
func evidences(a *Alert) (list []ocsfEvidence) {
	if a.Health {
		return nil
	}
	user := ocsfUser{Name: a.User, UID: a.User, TypeID: 1, Type: "User"}
	if a.Service {
		user.TypeID, user.Type = 3, "System"
	}
	for i := range a.Evidence {
		e := &a.Evidence[i]
		list = append(list, ocsfEvidence{
			Actor: ocsfActor{user},
			Data: map[string]any{
				"detector":         e.Detector,
				"points":           e.Points,
				"reason":           e.Reason,
				"observed":         e.Observed,
				"expected":         e.Expected,
				"peers":            e.Peers,
				"unit":             e.Unit,
				"events":           e.Events,
				"items_not_listed": e.Unlisted,
				"destinations":     e.Destinations,
			},
		})
	}
	for x := range a.eachItem() {
		list = append(list, ocsfItem(x, user))
	}
	return list
}

// resources returns what the finding is about: the user, or the sources if it is about the
// data.
func resources(a *Alert) (list []ocsfResource) {
	if !a.Health {
		list = append(list, ocsfResource{"User", a.User, a.User})
		for x := range a.eachItem() {
			r := ocsfResource{cmp.Or(x.Object.Type, "Other"), cmp.Or(x.Object.ID, x.Object.Name), x.Object.Name}
			if r.UID != "" && !slices.Contains(list, r) && len(list) <= maxObservables {
				list = append(list, r)
			}
		}
		return list
	}
	for _, s := range a.Sources {
		list = append(list, ocsfResource{"Data source", s, s})
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
		if err := enc.Encode(ocsf(&list[i], o.Version)); err != nil {
			return err
		}
	}
	return nil
}
