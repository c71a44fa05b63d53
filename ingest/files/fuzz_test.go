package files_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/ingest/ingesttest"
	"github.com/outflow/outflow/internal/event"
)

// small is a budget that a fuzz target may spend on one input.
var small = files.Budget{Inflated: 4 << 20, Ratio: 50}

// stream reads bytes with every decoder.
func stream(t *testing.T, content []byte, budget files.Budget) (events []*event.Event, r files.Report) {
	reader := files.Reader{Formats: all.Formats, Tables: all.Tables, Workers: 1, Budget: budget, Emit: func(int) func(*event.Event) error {
		return func(e *event.Event) error {
			events = append(events, e.Clone())
			return nil
		}
	}}
	r, err := reader.Stream(t.Context(), "export", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return events, r
}

// packed puts a file into containers, the innermost first.
func packed(content string, layers string) []byte {
	for _, l := range []byte(layers) {
		switch l % 5 {
		case 0:
			content = string(gz(content))
		case 1:
			content = string(zst(content))
		case 2:
			content = string(zipped("a.json", content, "b/c.csv", "x,y\n1,2\n"))
		case 3:
			content = string(tarred("a.json", content))
		case 4:
			content = string(gz(content[:len(content)/2], content[len(content)/2:]))
		}
	}
	return []byte(content)
}

// FuzzContainer asserts that containers, at any depth, give their content or a reason why not,
// that a damaged container is reported, and that nothing panics.
func FuzzContainer(f *testing.F) {
	for _, layers := range []string{
		"", "\x00", "\x01", "\x02", "\x03", "\x04", "\x03\x00", "\x02\x02", "\x00\x00\x00", "\x02\x03\x00\x01",
	} {
		f.Add(recordA+"\n"+recordB, layers, uint16(0), byte(0), uint16(0))
		f.Add(recordA, layers, uint16(20), byte(1), uint16(0))
		f.Add(recordA, layers, uint16(0), byte(0), uint16(30))
	}
	rows := string(columns(f, flatTrail{"a", "2026-03-02T08:00:01Z", "GetObject", "s3"}))
	f.Add(rows, "", uint16(0), byte(0), uint16(0))
	f.Add(rows, "\x02", uint16(300), byte(1), uint16(0))
	f.Add(strings.Repeat(" ", 4000), "\x00\x00", uint16(0), byte(0), uint16(0))
	f.Fuzz(func(t *testing.T, content, layers string, at uint16, flip byte, cut uint16) {
		if len(content) > 1<<16 || len(layers) > 6 {
			return
		}
		b := packed(content, layers)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= flip
			b = b[:len(b)-int(cut)%len(b)]
		}
		events, r := stream(t, b, small)
		if len(events) > 0 && r.Records == 0 || len(events) > 100_000 {
			t.Errorf("%d events of %d records", len(events), r.Records)
		}
		if r.Content > small.Inflated+int64(len(b))+8<<20 {
			t.Errorf("%d bytes came out of %d", r.Content, len(b))
		}
		plain, inner := stream(t, []byte(content), small)
		if intact := flip == 0 && len(b) > 0 &&
			int(cut)%len(b) == 0; intact && len(layers) == 1 && inner.Reason == "" && inner.ProblemCount == 0 &&
			len(events) < len(plain) && r.Reason == "" && r.ProblemCount == 0 {
			t.Errorf("%d events of %d, and no reason: %+v", len(events), len(plain), r)
		}
	})
}

// FuzzTable asserts that rows of a table, whatever its columns and quotes, are events or
// counted.
func FuzzTable(f *testing.F) {
	for _, s := range []string{
		"eventid,eventtime,eventname,eventsource\na,2026-03-02T08:00:01Z,GetObject,s3.amazonaws.com\n",
		"eventid;eventtime;eventname;eventsource\r\n\"a;b\";2026-03-02T08:00:01Z;GetObject;s3\r\n",
		"eventid\teventtime\teventname\teventsource\na\tb\tc\n",
		"EmailAddress,ResignationDate,LastWorkingDate\nkim@acme.example,2026-03-02,2026-03-31\n",
		"eventid,eventtime,eventname,eventsource\n\"a\"\"b\",\"x\ny\",,\n,,,\n",
		"eventid,eventid,eventname\n\"\n", "\xef\xbb\xbfeventid,eventtime,eventname,eventsource\n\x00,\xff\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		events, r := stream(t, content, small)
		for _, e := range events {
			if e.Action == "" || e.Key == 0 || e.Source == event.NoSource {
				t.Errorf("an event without source, action or key: %+v", e)
			}
		}
		ingesttest.Accounted(t, content, events, r)
	})
}

// FuzzEnvelope asserts that what is in envelopes is read or counted, whatever is in which one, and
// that a record in them is never read as anything else.
func FuzzEnvelope(f *testing.F) {
	shapes := []string{
		`{"message":%s}`, `{"_raw":%s}`, `{"Records":[{"kinesis":{"data":%s}}]}`, `{"logEvents":[{"message":%s}]}`,
		`[[{"field":"@message","value":%s}]]`, `{"tables":[{"columns":[{"name":"_raw"},{"name":"x"}],"rows":[[%s,"1"]]}]}`,
		`{"_source":{"event":{"original":%s}}}`, `{"data":{"x":%s}}`, `2026-03-02T08:00:01Z {"log":%s}`, `[%s]`,
	}
	for i := range shapes {
		f.Add(recordA, string(rune(i)), uint16(0), byte(0))
		f.Add(recordA+"\n"+recordB, string([]byte{byte(i), 0x80 + byte(i), 3}), uint16(20), byte(1))
	}
	f.Add(`{"class_uid":3002,`+ocsfTrail+ocsfUser+`"api":{"operation":"ConsoleLogin","service":{"name":"signin.amazonaws.com"}},`+
		`"unmapped":{"a.b":"{}","userIdentity.type.x":1},"resources":[{"uid":"x","owner":{"account":{"uid":1}}}]}`, "", uint16(0), byte(0))
	f.Add("_raw,x\n"+csvCell(recordA)+",1\n", "", uint16(0), byte(0))
	f.Add("eventname,eventsource,eventtime,useridentity\nx,y,2026-03-02T08:00:01Z,\"{type=Root, arn=a, b, c=[1, {x=y}]}\"\n", "", uint16(0), byte(0))
	f.Add("TimeGenerated,eventName_s,eventTime_t,eventSource_s,userIdentity_type_s,a_b_c_d_e_s\n1,x,2026-03-02T08:00:01Z,y,Root,1\n", "", uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, content, layers string, at uint16, flip byte) {
		if len(content) > 1<<14 || len(layers) > 6 {
			return
		}
		for _, l := range []byte(layers) {
			inner := quote(content)
			if l&0x80 != 0 {
				inner = quote(b64(string(gz(content))))
			}
			content = strings.Replace(shapes[int(l&0x7f)%len(shapes)], "%s", inner, 1)
		}
		b := []byte(content)
		if len(b) > 0 {
			b[int(at)%len(b)] ^= flip
		}
		events, r := stream(t, b, small)
		for _, e := range events {
			if e.Action == "" || e.Key == 0 || e.Source == event.NoSource {
				t.Errorf("an event without source, action or key: %+v", e)
			}
		}
		for name, n := range r.Envelopes {
			if n > maxEnvelopes*r.Records {
				t.Errorf("%d of %d records in %s", n, r.Records, name)
			}
		}
		ingesttest.Accounted(t, b, events, r)
	})
}

// maxEnvelopes is how many envelopes of one name can be around a record.
const maxEnvelopes = 4
