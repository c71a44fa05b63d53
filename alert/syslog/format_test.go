package syslog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/outflow/outflow/alert"
	"github.com/outflow/outflow/alert/alerttest"
)

// keys are those of CEF's dictionary that are used, with the most characters of their values (Micro Focus ArcSight,
// "Common Event Format", version 26); 0 for numbers and times.
var keys = map[string]int{
	"externalId": 40, "rt": 0, "start": 0, "end": 0, "suser": 1023, "cnt": 0, "act": 63, "msg": 1023, "cn1": 0, "cn1Label": 1023,
	"cfp1": 0, "cfp1Label": 1023, "cs1": 4000, "cs1Label": 1023, "cs2": 4000, "cs2Label": 1023, "cs3": 4000, "cs3Label": 1023,
	"cs4": 4000, "cs4Label": 1023, "cs5": 4000, "cs5Label": 1023, "cs6": 4000, "cs6Label": 1023,
}

// number is a value of a key that has no text.
var number = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// TestFormat parses messages with an independent parser of RFC 5424, and checks the keys of CEF and their values.
func TestFormat(t *testing.T) {
	withdrawn, long, health, closed := alerttest.Alert(), alerttest.Alert(), alerttest.Alert(), alerttest.Alert()
	withdrawn.Withdrawn, withdrawn.Revision = true, 2
	long.User, long.Reason = strings.Repeat("ü=|\\", 600), strings.Repeat(`a=b|\ `, 2000)
	health.Health, health.User, health.Sources, health.Evidence, health.Techniques = true, "", nil, nil, nil
	closed.Triage = &alert.Triage{Number: 1, Status: alert.TriageResolved, Verdict: alert.VerdictTrue, At: alerttest.Now}
	for _, c := range []struct {
		m          alert.Message
		enterprise int
		act        string
	}{
		{alert.Message{Alert: alerttest.Alert()}, 0, "alert"},
		{alert.Message{Alert: alerttest.Alert()}, 99999, "alert"},
		{alert.Message{Alert: withdrawn}, 99999, "withdrawn"},
		{alert.Message{Alert: long}, 99999, "alert"},
		{alert.Message{Alert: health}, 0, "alert"},
		{alert.Message{Alert: closed, Decision: true}, 0, "triage"},
		{alert.Message{Alert: alert.Sample(alerttest.Now), Test: true, Repeat: true}, 0, "test"},
	} {
		a := &c.m.Alert
		text := Format(&c.m, "host name.acme.example", `1.0|\`, c.enterprise)
		parsed, err := rfc5424.NewParser().Parse([]byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		m := parsed.(*rfc5424.SyslogMessage)
		if *m.Facility != 13 || m.Version != 1 || *m.Appname != "outflow" || *m.MsgID != "alert" || *m.Hostname != "host_name.acme.example" {
			t.Errorf("%+v", m)
		}
		if data := m.StructuredData; c.enterprise > 0 && (data == nil || (*data)["outflow@99999"]["id"] != a.ID) || c.enterprise == 0 && data != nil {
			t.Errorf("structured data: %v", data)
		}
		cefText, isCEF := strings.CutPrefix(*m.Message, "CEF:0|")
		header, rest := cefHeader(cefText)
		if want := []string{"Outflow", "Outflow", `1.0|\`, a.Detector, a.DetectorTitle()}; !isCEF || len(header) != 6 || !slices.Equal(header[:5], want) {
			t.Errorf("%q, want %q", header, want)
			continue
		}
		names, values := cefExtension(rest)
		if len(names) != len(values) {
			t.Errorf("keys come twice: %s", names)
		}
		for key, value := range values {
			most, known := keys[key]
			switch {
			case !known:
				t.Errorf("%s is not in the dictionary", key)
			case value == "":
				t.Errorf("%s is empty", key)
			case most == 0 && !number.MatchString(value):
				t.Errorf("%s: %q is no number", key, value)
			case most > 0 && utf8.RuneCountInString(value) > most:
				t.Errorf("%s: %d characters", key, utf8.RuneCountInString(value))
			}
			if _, ok := values[key+"Label"]; regexp.MustCompile(`^c(s|n|fp)\d$`).MatchString(key) && !ok {
				t.Errorf("%s has no label", key)
			}
		}
		if values["externalId"] != a.ID || values["act"] != c.act {
			t.Errorf("%v", values)
		}
	}
}
