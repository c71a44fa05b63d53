package all_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/tools/txtar"

	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
	"github.com/outflow/outflow/ingest/files"
	"github.com/outflow/outflow/internal/event"
)

// hostile is an input that an attacker may have made to hide something in it or to stop the
// reader, and what must be read of it.
type hostile struct {
	name    string
	content []byte
	stream  func() io.Reader // in place of content, for what is large
	records int              // that must be decoded
	bad     int              // that must be counted; with orMore, at least
	orMore  bool
	either  bool   // records and bad are right only in their sum
	reason  string // why the file, or a part of it, is not read, or a part of that; * for any; "or …" for what may be
	memory  uint64 // bytes that reading it may take; 0 for any
}

// rec is a record of Okta, rec2 one of CloudTrail.
func rec(i int) string {
	return fmt.Sprintf(`{"uuid":"5d3f0c1a-0000-4000-8000-%012d","published":"2026-05-06T07:%02d:%02d.000Z",`+
		`"eventType":"user.session.start","actor":{"id":"00u%d","type":"User",`+
		`"alternateId":"rosa.lind@birch.example","displayName":"Rosa Lind"},"client":{"ipAddress":"192.0.2.44"},`+
		`"outcome":{"result":"SUCCESS"},"target":[{"id":"0oa1","type":"AppInstance","displayName":"Vault"}]}`, i, i/60%60, i%60, i)
}

func rec2(i int) string {
	return fmt.Sprintf(`{"eventVersion":"1.09","eventTime":"2026-05-06T08:00:%02dZ",`+
		`"eventSource":"kms.amazonaws.com","eventName":"Decrypt","eventID":"9b2e0000-0000-4000-8000-%012d",`+
		`"awsRegion":"eu-north-1","sourceIPAddress":"192.0.2.45","userIdentity":{"type":"IAMUser","userName":"nils",`+
		`"accountId":"210987654321"},"requestParameters":{"keyId":"k%d"}}`, i%60, i, i)
}

const people = "Email Address,Display Name,Department,Manager,Job Title,Location,Country,Start Date\n"

func person(i int) string {
	return fmt.Sprintf("p%d@birch.example,Person %d,Finance,,Clerk,Oslo,NO,2022-03-01\n", i, i)
}

func lines(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(rec(i) + "\n")
	}
	return b.String()
}

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.Bytes()
}

func zippedAs(members ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		m, _ := w.Create(members[i])
		io.WriteString(m, members[i+1])
	}
	w.Close()
	return b.Bytes()
}

func tarredAs(headers []*tar.Header, content string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if w.WriteHeader(h) == nil && h.Typeflag == tar.TypeReg {
			io.WriteString(w, content)
		}
	}
	w.Close()
	return b.Bytes()
}

func wide(s string, order binary.ByteOrder, bytesEach int) []byte {
	var b []byte
	put := func(u uint32) {
		c := make([]byte, bytesEach)
		if bytesEach == 2 {
			order.PutUint16(c, uint16(u))
		} else {
			order.PutUint32(c, u)
		}
		b = append(b, c...)
	}
	if bytesEach == 2 {
		for _, u := range utf16.Encode([]rune(s)) {
			put(uint32(u))
		}
	} else {
		for _, r := range s {
			put(uint32(r))
		}
	}
	return b
}

// overlapping is a zip of n members that are all the same bytes of it.
func overlapping(n int, content string) []byte {
	var packed bytes.Buffer
	w, _ := flate.NewWriter(&packed, flate.BestCompression)
	io.WriteString(w, content)
	w.Close()
	sum := crc32.ChecksumIEEE([]byte(content))
	le := binary.LittleEndian
	sizes := func(b []byte) []byte {
		b = le.AppendUint32(b, sum)
		b = le.AppendUint32(b, uint32(packed.Len()))
		return le.AppendUint32(b, uint32(len(content)))
	}
	b := append([]byte("PK\x03\x04"), 20, 0, 0, 0, 8, 0, 0, 0, 0, 0)
	b = append(sizes(b), 1, 0, 0, 0, 'm')
	b = append(b, packed.Bytes()...)
	at := len(b)
	for i := range n {
		b = append(append(b, "PK\x01\x02"...), 20, 0, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0)
		b = append(sizes(b), 8, 0)
		b = append(b, make([]byte, 16)...)
		b = fmt.Appendf(b, "m%07d", i)
	}
	size := len(b) - at
	b = append(append(b, "PK\x05\x06"...), 0, 0, 0, 0)
	b = le.AppendUint16(le.AppendUint16(b, uint16(n)), uint16(n))
	return append(le.AppendUint32(le.AppendUint32(b, uint32(size)), uint32(at)), 0, 0)
}

// structures are ways to lay out records, and to disturb them.
func structures() (list []hostile) {
	a, b, c := rec(1), rec(2), rec(3)
	add := func(name, content string, records, bad int) {
		list = append(list, hostile{name: "structure: " + name, content: []byte(content), records: records, bad: bad})
	}
	// What stands in front of, between and behind records hides none of them.
	for name, x := range map[string]string{
		"a banner":                    "-- export of the audit log --",
		"null":                        "null",
		"a number":                    "17",
		"a text":                      `"hello"`,
		"an empty object":             "{}",
		"an object":                   `{"export":"1"}`,
		"garbage":                     "\x01\x02\x03",
		"brackets":                    "}}}}]]",
		"one NUL":                     "\x00",
		"a comment":                   "// v2",
		"a hash":                      "# v2",
		"true":                        "true",
		"half a record":               a[:60],
		"a record without its end":    a[:len(a)-1],
		"a record without its quotes": strings.ReplaceAll(a, `"`, "'"),
		"bad UTF-8":                   "\xff\xfe\xfd\xfc"[2:] + "\x80",
		"a syslog line":               "<13>May  6 07:00:00 host app: done",
		"an open quote":               `{"a":"b`,
		"an open list":                "",
	} {
		if x == "" {
			continue
		}
		add(x2(name, "first"), x+"\n"+b+"\n"+c+"\n", 2, 1)
		add(x2(name, "between"), b+"\n"+x+"\n"+c+"\n", 2, 1)
		add(x2(name, "last"), b+"\n"+c+"\n"+x+"\n", 2, 1)
	}
	// Separators are nothing.
	for name, sep := range map[string]string{
		"newline":                      "\n",
		"CRLF":                         "\r\n",
		"CR":                           "\r",
		"none":                         "",
		"space":                        " ",
		"comma":                        ",",
		"comma and newline":            ",\n",
		"vertical tab":                 "\v",
		"form feed":                    "\f",
		"record separator":             "\x1e",
		"record separator and newline": "\n\x1e",
		"line separator":               "\u2028",
		"paragraph separator":          "\u2029",
		"byte order mark":              "\ufeff",
		"newline and byte order mark":  "\n\ufeff",
		"empty lines":                  "\n\n\n \n",
		"tab":                          "\t",
	} {
		add("separated by "+name, a+sep+b+sep+c, 3, 0)
		add("led by "+name, sep+a+"\n"+b, 2, 0)
		add("a list with "+name, "["+sep+a+","+sep+b+sep+"]", 2, 0)
	}
	// NUL bytes are one loss, however many.
	for _, n := range []int{1, 2, 511, 512, 513, 100_000, 5 << 20} {
		nuls := strings.Repeat("\x00", n)
		add(fmt.Sprint(n, " NULs first"), nuls+a+"\n"+b, 2, 1)
		add(fmt.Sprint(n, " NULs on a line of their own"), a+"\n"+nuls+"\n"+b, 2, 1)
		add(fmt.Sprint(n, " NULs at the start of a line"), a+"\n"+nuls+b, 2, 1)
		add(fmt.Sprint(n, " NULs at the end of a line"), a+nuls+"\n"+b, 2, 1)
		add(fmt.Sprint(n, " NULs last"), a+"\n"+b+"\n"+nuls, 2, 1)
		add(fmt.Sprint(n, " NULs in a list"), "["+a+","+nuls+b+"]", 2, 1)
		add(fmt.Sprint(n, " NULs between pages"), `{"Records":[`+rec2(1)+"]}\n"+nuls+"\n"+`{"Records":[`+rec2(2)+"]}", 2, 1)
		add(fmt.Sprint(n, " NULs in a table"), people+person(1)+nuls+person(2), 2, 1)
	}
	// Lists and pages.
	for name, x := range map[string]string{
		"null":          "null",
		"a number":      "1",
		"a text":        `"x"`,
		"an empty list": "[]",
		"an object":     `{"x":1}`,
		"nothing":       "",
		"true":          "true",
		"half a record": a[:80],
		"a word":        "nonsense",
	} {
		bad := 1
		if name == "nothing" || name == "an empty list" {
			bad = 0
		}
		list = append(list,
			hostile{
				name:    "list: " + name + " first",
				content: []byte("[" + x + ",\n" + a + "," + b + "]"),
				records: 2,
				bad:     bad,
				orMore:  true,
			},
			hostile{
				name:    "list: " + name + " between",
				content: []byte("[" + a + "," + x + ",\n" + b + "]"),
				records: 2,
				bad:     bad,
				orMore:  true,
			},
			hostile{
				name:    "list: " + name + " last",
				content: []byte("[" + a + "," + b + "," + x + "]"),
				records: 2,
				bad:     bad,
				orMore:  true,
			},
			hostile{
				name:    "page: " + name + " first",
				content: []byte(`{"Records":[` + cmp.Or(x, "null") + ",\n" + rec2(1) + "," + rec2(2) + "]}"),
				records: 2,
				bad:     bad,
				orMore:  true,
			},
			hostile{
				name:    "page: " + name + " last",
				content: []byte(`{"Records":[` + rec2(1) + "," + rec2(2) + "," + x + "]}"),
				records: 2,
				bad:     bad,
				orMore:  true,
			})
	}
	for name, c := range map[string]hostile{
		"two lists in a page": {
			content: []byte(`{"Records":[` + rec2(1) + `],"next":null,"events":[` + rec2(2) + `]}`),
			records: 2,
		},
		"the same list twice": {content: []byte(`{"Records":[` + rec2(1) + `],"Records":[` + rec2(2) + `]}`), records: 2},
		"pages and records": {
			content: []byte(`{"Records":[` + rec2(1) + "]}\n" + rec2(2) + "\n" + `{"Records":[` + rec2(3) + "]}\n"),
			records: 3,
		},
		"records and a page": {
			content: []byte(rec2(1) + "\n" + rec2(2) + "\n" + `{"Records":[` + rec2(3) + "," + rec2(4) + "]}\n"),
			records: 4,
		},
		"records and a list":       {content: []byte(a + "\n[" + b + "," + c + "]\n"), records: 3},
		"a list of lists":          {content: []byte("[[" + a + "],[" + b + ",[" + c + "]]]"), records: 3},
		"a list that does not end": {content: []byte("[" + a + "," + b), records: 2, bad: 1},
		"a page that does not end": {content: []byte(`{"Records":[` + rec2(1) + "," + rec2(2)), records: 2, bad: 1},
		"a page whose list ends with a brace": {
			content: []byte(`{"Records":[` + rec2(1) + "}\n" + `{"Records":[` + rec2(2) + "]}"),
			records: 2,
			bad:     1,
			orMore:  true,
		},
		"a page in a page": {
			content: []byte(`{"data":{"data":{"events":[` + rec2(1) + `]}},"more":[1,{"x":[2]}]}`),
			records: 1,
		},
		"an empty list":                {content: []byte("[]")},
		"an empty page":                {content: []byte(`{"Records":[]}`)},
		"an empty page and another":    {content: []byte(`{"Records":[]}` + "\n" + `{"Records":[` + rec2(1) + "]}"), records: 1},
		"a text that holds a record":   {content: []byte(fmt.Sprintf("%q\n", a)), records: 1},
		"a text that holds a text":     {content: []byte(fmt.Sprintf("%q\n", fmt.Sprintf("%q", a))), records: 1},
		"a list of texts":              {content: []byte(fmt.Sprintf("[%q,%q]", a, b)), records: 2},
		"a text that does not end":     {content: []byte(a + "\n" + `"{\"uuid\":` + "\n" + b), records: 2, bad: 1},
		"a cut line and one behind it": {content: []byte(a + "\n" + b[:30] + c + "\n"), records: 2, bad: 1},
		"an unclosed quote in a list on one line": {
			content: []byte("[" + strings.Replace(a, `"User"`, `"User`, 1) + "," + b + "," + c + "]"),
			records: 2,
			bad:     1,
		},
		"a quote within a text": {
			content: []byte(strings.Replace(a, "Rosa Lind", `5" disk`, 1) + "\n" + b + "\n"),
			records: 1,
			bad:     1,
		},
		"a control character in a text": {
			content: []byte(strings.Replace(a, "Rosa", "Ro\x07sa", 1) + "\n" + b + "\n"),
			records: 1,
			bad:     1,
		},
		"a newline in a text": {
			content: []byte(strings.Replace(a, "Rosa", "Ro\nsa", 1) + "\n" + b + "\n"),
			records: 1,
			bad:     2,
		},
		"a bad escape": {
			content: []byte(strings.Replace(a, "Rosa", `Ro\xsa`, 1) + "\n" + b + "\n"),
			records: 1,
			bad:     1,
		},
		"a short escape": {
			content: []byte(strings.Replace(a, "Rosa", `Ro\u12`, 1) + "\n" + b + "\n"),
			records: 1,
			bad:     1,
		},
		"something behind a record":           {content: []byte(a + " and more\n" + b + "\n"), records: 2, bad: 1},
		"unknown ones before the first known": {content: []byte(strings.Repeat("{\"x\":1}\n", 50) + a + "\n"), records: 1, bad: 50},
		"many unknown ones before it":         {content: []byte(strings.Repeat("{\"x\":1}\n", 3000) + a + "\n"), records: 1, bad: 3000},
		"only unknown ones":                   {content: []byte(strings.Repeat("{\"x\":1}\n", 3000)), reason: "JSON of an unknown kind"},
		"only text": {
			content: []byte(strings.Repeat("nothing to see\n", 3000)),
			reason:  "text of an unknown kind",
		},
		"only NULs":                             {content: make([]byte, 5000), bad: 1, reason: "NUL"},
		"nothing":                               {content: nil, reason: "empty"},
		"only white space":                      {content: []byte(" \n\t\r\n"), reason: "empty"},
		"UTF-16 without a mark":                 {content: wide(a+"\n"+b, binary.LittleEndian, 2), records: 2},
		"UTF-16, big end first, without a mark": {content: wide(a+"\n"+b, binary.BigEndian, 2), records: 2},
		"UTF-16":                                {content: wide("\ufeff"+a+"\n"+b, binary.LittleEndian, 2), records: 2},
		"UTF-16, big end first":                 {content: wide("\ufeff"+a+"\n"+b, binary.BigEndian, 2), records: 2},
		"UTF-16, an odd byte": {
			content: append(wide("\ufeff"+a+"\n"+b+"\n", binary.LittleEndian, 2), 'x'),
			records: 2,
			bad:     1,
		},
		"UTF-32":                {content: wide("\ufeff"+a+"\n"+b, binary.LittleEndian, 4), records: 2},
		"UTF-32, big end first": {content: wide("\ufeff"+a+"\n"+b, binary.BigEndian, 4), records: 2},
		"nested 60 deep":        {content: []byte(nested(a, 60) + "\n" + b), records: 2},
		"nested 65 deep":        {content: []byte(nested(a, 65) + "\n" + b), records: 1, bad: 1},
		"nested 100,000 deep":   {content: []byte(nested(a, 100_000) + "\n" + b), records: 1, bad: 1},
		"a million brackets": {
			content: []byte(strings.Repeat("[", 1_000_000) + "\n" + a),
			records: 1,
			bad:     1,
			orMore:  true,
		},
		"a million braces":       {content: []byte(strings.Repeat(`{"a":`, 200_000) + "\n" + a), records: 1, bad: 1},
		"100,000 lists on lines": {content: []byte(strings.Repeat("[\n", 100_000) + a), records: 1, bad: 1, orMore: true},
		"100,000 keys":           {content: []byte(keys(100_000) + "\n" + a), records: 1, bad: 1},
		"100,000 keys in a known record": {
			content: []byte(strings.TrimSuffix(a, "}") + "," + keys(100_000)[1:] + "\n" + b),
			records: 2,
		},
		"a record of 3 MiB":                   {content: []byte(padded(a, 3<<20) + "\n" + b), records: 2},
		"a record of 6 MiB":                   {content: []byte(padded(a, 6<<20) + "\n" + b), records: 1, bad: 1},
		"a record of 6 MiB in a list":         {content: []byte("[" + padded(a, 6<<20) + "," + b + "," + c + "]"), records: 2, bad: 1},
		"a record of 6 MiB that does not end": {content: []byte(padded(a, 6<<20)[:6<<20] + "\n" + b), records: 1, bad: 1},
		"6 MiB of records on one line":        {content: []byte(strings.ReplaceAll(lines(15_000), "\n", " ")), records: 15_000},
		"a list of 6 MiB on one line of several": {
			content: []byte(rec(0) + "\n[" + strings.TrimSuffix(strings.ReplaceAll(lines(15_000), "\n", ","), ",") + "]\n" + rec(1)),
			records: 15_002,
		},
	} {
		c.name = "structure: " + name
		list = append(list, c)
	}
	return list
}

func x2(what, where string) string { return what + " " + where }

func nested(record string, depth int) string {
	return strings.TrimSuffix(record, "}") + `,"deep":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
}

func padded(record string, n int) string {
	return strings.TrimSuffix(record, "}") + `,"pad":"` + strings.Repeat("x", n) + `"}`
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%s"k%d":%d`, map[bool]string{true: "{", false: ","}[i == 0], i, i)
	}
	return b.String() + "}"
}

// twinned returns ambiguous records, with what must be read of each.
func twinned() (list []hostile) {
	for i, c := range []struct {
		more string
		bad  bool
	}{
		{`"eventType":"user.session.end"`, true},
		{`"event\u0054ype":"user.session.end"`, true},
		{`"published":"2026-05-01T00:00:00Z"`, true},
		{`"actor":{"id":"00u9","alternateId":"eve@birch.example"}`, true},
		{`"actor":null`, true},
		{`"uuid":"x"`, false},
		{`"outcome":{"result":"FAILURE"}`, true},
		{`"client":{"ipAddress":"192.0.2.1","ipAddress":"192.0.2.2"}`, false},
		{`"target":[]`, false},
		{`"EVENTTYPE":"user.session.end"`, false},
		{`"Published":"2026-05-01T00:00:00Z"`, false},
		{`"evenTtype":1`, false},
		{`"eventType":"user.session.start"`, false},
		{`"note":1,"note":2`, false},
		{`"debug":{"a":1,"a":2}`, false},
		{`"\u212a":1,"k":2`, false},
	} {
		for where, s := range map[string]string{
			"behind":   strings.TrimSuffix(rec(1), "}") + "," + c.more + "}",
			"in front": "{" + c.more + "," + rec(1)[1:],
		} {
			h := hostile{name: fmt.Sprint("twin ", i, " ", where), content: []byte(s + "\n" + rec(2) + "\n"), records: 2}
			if c.bad {
				h.records, h.bad = 1, 1
			}
			list = append(list, h)
		}
	}
	return append(list,
		hostile{
			name: "twin: columns that differ",
			content: []byte("Email Address,Display Name,EmailAddress,Department\n" +
				"a@birch.example,A,b@birch.example,X\nc@birch.example,C,c@birch.example,X\n"),
			records: 1,
			bad:     1,
		})
}

// values are texts, numbers and times in places where records have them.
func values() (list []hostile) {
	for i, v := range []string{
		"1e999",
		"-1e999",
		"-0",
		"NaN",
		"Infinity",
		"-Infinity",
		"1e-999",
		strings.Repeat("7", 500),
		"9007199254740993",
		"0x1F",
		"007",
		"5.",
		"+5",
		".25",
		"2e",
		"-",
		"3E+2",
		"18446744073709551617",
		"true",
		"null",
		`"12"`,
		`"1e309"`,
		`""`,
		"[]",
		"{}",
		`"４２"`,
		"1_000",
		`"1,000"`,
	} {
		list = append(list, hostile{name: fmt.Sprint("number ", i, " ", v[:min(len(v), 12)]), either: true, records: 2,
			content: []byte(`{"type":"event","event_id":"b1","created_by":{"type":"user","id":"7","name":"Rosa",` +
				`"login":"rosa@birch.example"},"created_at":"2026-05-06T07:00:00Z","event_type":"DOWNLOAD",` +
				`"source":{"item_type":"file","item_id":"3","item_name":"x"},"additional_details":{"size":` + v + "}}\n" + rec(1) + "\n")})
	}
	for i, v := range []string{
		"0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z",
		"2026-05-06T23:59:60Z",
		"2026-02-31T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-05-06T24:00:01Z",
		"",
		"0",
		"-5",
		"1e40",
		"123456789012345678901234567890",
		"2026-05-06",
		"2026-05-06T07:00:00+99:00",
		"2026-05-06T07:00:00." + strings.Repeat("3", 200) + "Z",
		"06/05/2026 07:00",
		"Wed, 06 May 2026 07:00:00 GMT",
		"2026-W19-3",
		"２０２６-05-06T07:00:00Z",
		"2026-05-06T07:00:00\\u0000Z",
		"null",
		"2099-12-31T23:59:59Z",
		"2100-01-01T00:00:00Z",
		"2004-12-31T23:59:59Z",
		"292277026596-12-04T15:30:08Z",
		"now",
	} {
		for name, base := range map[string]string{"published": rec(1), "eventTime": rec2(1)} {
			s := strings.Replace(strings.Replace(base, "2026-05-06T07:00:01.000Z", v, 1), "2026-05-06T08:00:01Z", v, 1)
			list = append(list, hostile{
				name:    fmt.Sprint("time ", i, " as ", name),
				content: []byte(s + "\n" + rec(2) + "\n"),
				records: 2,
				either:  true,
			})
		}
	}
	for i, v := range []string{
		`\u0000`,
		`\ud800`,
		`\udfff\ud800`,
		"\u202e",
		"\u2028",
		`\u001b[2J\u001b]0;x\u0007`,
		strings.Repeat("a", 300_000),
		`\n\r\t`,
		strings.Repeat("ﬀ", 1000),
		"A" + strings.Repeat("\u0301", 10_000),
		"\U0010ffff",
		"\ufeff",
		strings.Repeat("İ", 500),
		"ſ",
		"\u212a",
		"\xff\xfe",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xf8\x88\x80\x80\x80",
		"\x80",
		"\xe2\x82",
		"\xf4\x90\x80\x80",
		"@@@@",
		"a@b@c",
		" ",
		`\\`,
		"<script>",
		"=1+1",
		"%00",
		"../../x",
	} {
		list = append(list, hostile{
			name: fmt.Sprint("text ", i),
			content: []byte(strings.Replace(rec(1), "Rosa Lind", v,
				1) + "\n" + strings.Replace(rec(2), "rosa.lind", v, 1) + "\n" + strings.Replace(rec(3), "user.session.start", v, 1) + "\n"),
			records: 3,
		})
	}
	return list
}

// odd are values of another type than a field has.
var odd = []string{
	"null", "7", "-1.5", "true", `"x"`, "[]", "{}", "[[]]", "[{}]", `{"a":{"b":[1]}}`, `""`, `["x","x","x"]`,
	"1e300", `"2026-05-06T07:00:00Z"`, `[null,{"name":null,"value":[]}]`,
}

// mistyped has the fields of every vendor's record hold values of other types, one
// after another: an input for each format and value.
func mistyped(t *testing.T) (list []hostile) {
	for name, record := range samples(t) {
		var tree any
		if err := json.Unmarshal([]byte(record), &tree); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range odd {
			b := []byte(record + "\n")
			n := 2
			each(tree, func(set func(any) func()) {
				restore := set(json.RawMessage(v))
				line, err := json.Marshal(tree)
				restore()
				if err != nil {
					t.Fatal(err)
				}
				b, n = append(append(b, line...), '\n'), n+1
			})
			list = append(list, hostile{
				name:    fmt.Sprintf("types: %s with %s", name, v),
				content: append(b, record+"\n"...),
				records: n,
				either:  true,
			})
		}
	}
	return list
}

// samples are records of every JSON format, from the fixtures of the decoders.
func samples(t *testing.T) map[string]string {
	found := map[string]string{}
	paths, err := filepath.Glob(filepath.Join("..", "*", "testdata", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatal("no fixtures: ", err)
	}
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			for d := json.NewDecoder(bytes.NewReader(f.Data)); ; {
				var v any
				if d.Decode(&v) != nil {
					break
				}
				recordsIn(v, func(record []byte, format string) {
					if found[format] == "" || len(record) > len(found[format]) && len(record) < 4000 {
						found[format] = string(record)
					}
				})
			}
		}
	}
	return found
}

// recordsIn finds the records that a document holds.
func recordsIn(v any, visit func(record []byte, format string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			recordsIn(e, visit)
		}
	case map[string]any:
		b, _ := json.Marshal(v)
		keys := ingest.Keys(slices.Collect(maps.Keys(v)))
		rep, _ := (&files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: discard}).Stream(context.Background(), "x",
			bytes.NewReader(append(b, '\n')))
		if rep.Records == 1 && len(rep.Formats) == 1 {
			for _, f := range all.Formats {
				if rep.Formats[f.Name] == 1 && f.Match != nil && f.Match(keys) { // not a page with one record
					visit(b, f.Name)
					return
				}
			}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			recordsIn(v[k], visit)
		}
	}
}

// each visits every value within a tree, with what sets it.
func each(v any, visit func(set func(any) func())) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			old := v[k]
			visit(func(x any) func() { v[k] = x; return func() { v[k] = old } })
			each(old, visit)
		}
	case []any:
		for i := range min(len(v), 3) {
			old := v[i]
			visit(func(x any) func() { v[i] = x; return func() { v[i] = old } })
			each(old, visit)
		}
	}
}

func containers() (list []hostile) {
	a, b := rec(1)+"\n", rec(2)+"\n"
	plain, packed, archive := a+b, gzipped(a+b), zippedAs("a", a, "b", b)
	add := func(name string, content []byte, records int, reason string) {
		list = append(list, hostile{name: "container: " + name, content: content, records: records, reason: reason})
	}
	for _, n := range []int{1, 5, 10, 11, len(packed) / 2, len(packed) - 9, len(packed) - 1} {
		list = append(list, hostile{
			name:    fmt.Sprint("container: gzip cut at ", n),
			content: packed[:n],
			reason:  "*",
			orMore:  true,
			either:  true,
		})
	}
	for _, n := range []int{4, 10, 30, len(archive) / 2, len(archive) - 23, len(archive) - 1} {
		add(fmt.Sprint("zip cut at ", n), archive[:n], 0, "damaged zip")
	}
	deep := []byte(plain)
	for n := 1; n <= 6; n++ {
		deep = gzipped(string(deep))
		if n <= 3 {
			add(fmt.Sprint("gzip ", n, " deep"), deep, 2, "")
		} else {
			add(fmt.Sprint("gzip ", n, " deep"), deep, 0, "nested deeper")
		}
	}
	deep = []byte(plain)
	for n := 1; n <= 6; n++ {
		deep = zippedAs("z", string(deep))
		if n <= 3 {
			add(fmt.Sprint("zip ", n, " deep"), deep, 2, "")
		} else {
			add(fmt.Sprint("zip ", n, " deep"), deep, 0, "nested deeper")
		}
	}
	lie := bytes.Clone(archive)
	at := bytes.Index(lie, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lie[at+24:], 0xfffffff0)
	list = append(list, hostile{
		name:    "container: zip whose directory lies about a size",
		content: lie,
		records: 1,
		orMore:  true,
		either:  true,
		reason:  "!",
	})
	list = append(list, hostile{
		name:    "container: zip with a bad sum",
		content: bytes.Replace(zippedStored("a", a, "b", b), []byte("Rosa"), []byte("Nora"), 1),
		records: 2,
		bad:     1,
		reason:  "checksum",
	})
	add("zip, encrypted", encrypted(archive), 0, "encrypted")
	add("zip with folders and links", zippedAs("d/", "", "../../etc/x", a, "/abs", b), 2, "")
	add("zip of nothing", append([]byte("PK\x05\x06"), make([]byte, 18)...), 0, "nothing in it")
	for _, n := range []int{2, 3, 100, 60_000} {
		list = append(list, hostile{
			name:    fmt.Sprint("container: ", n, " members of a zip overlap"),
			content: overlapping(n, strings.Repeat(" ", 1<<20)+a),
			reason:  "overlap",
			memory:  200 << 20,
		})
	}
	add("tar of links and devices", tarredAs([]*tar.Header{
		{Name: "../../x", Typeflag: tar.TypeReg},
		{Name: "/etc/x", Typeflag: tar.TypeReg},
		{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "h", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"},
		{Name: "f", Typeflag: tar.TypeFifo},
		{Name: "c", Typeflag: tar.TypeChar},
		{Name: "\x1b[31m", Typeflag: tar.TypeReg},
	}, a), 3, "")
	whole := tarredAs([]*tar.Header{{Name: "a", Typeflag: tar.TypeReg}, {Name: "b", Typeflag: tar.TypeReg}}, a)
	list = append(list, hostile{
		name:    "container: tar that is cut",
		content: whole[:1024+20],
		bad:     1,
		orMore:  true,
		either:  true,
		reason:  "the tar is cut off",
	})
	add("gzip of two streams", append(gzipped(a), gzipped(b)...), 2, "")
	list = append(list, hostile{
		name:    "container: gzip with junk behind it",
		content: append(gzipped(a), "junk"...),
		records: 1,
		bad:     1,
		reason:  "damaged gzip: something else follows it",
	})
	for name, head := range map[string]string{
		"Parquet": "PAR1",
		"Avro":    "Obj\x01",
		"PDF":     "%PDF-1.7",
		"ELF":     "\x7fELF",
		"HTML":    "<!DOCTYPE html>",
		"XML":     `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`,
		"SQLite":  "SQLite format 3\x00",
	} {
		list = append(list, hostile{name: "container: " + name, content: []byte(head + "\n" + a), reason: "*"})
	}
	random := rand.New(rand.NewPCG(7, 11))
	for i := range 20 {
		noise := make([]byte, 1<<(i%12+4))
		for k := range noise {
			noise[k] = byte(random.Uint32())
		}
		list = append(list, hostile{
			name:    fmt.Sprint("container: noise ", i),
			content: noise,
			either:  true,
			orMore:  true,
			records: 1,
			reason:  "or counted",
		})
	}
	return list
}

func zippedStored(members ...string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		m, _ := w.CreateHeader(&zip.FileHeader{Name: members[i], Method: zip.Store})
		io.WriteString(m, members[i+1])
	}
	w.Close()
	return b.Bytes()
}

func encrypted(archive []byte) []byte {
	b := bytes.Clone(archive)
	for at := 0; ; {
		n := bytes.Index(b[at:], []byte("PK\x01\x02"))
		if n < 0 {
			return b
		}
		at += n + 4
		b[at+4] |= 1
	}
}

func tables() (list []hostile) {
	p, q := person(1), person(2)
	wideHeader := "Email Address,Display Name," + strings.Repeat("c,", 100_000) + "Department\n"
	for name, c := range map[string]hostile{
		"an open quote": {content: []byte(people + `"` + p + q), records: 1, bad: 1},
		"an open quote between": {
			content: []byte(people + p + `x@birch.example,"Open,F,,C,O,NO,2022-03-01` + "\n" + q),
			records: 2,
			bad:     1,
		},
		"text behind a quote": {
			content: []byte(people + `x@birch.example,"A"b,F,,C,O,NO,2022-03-01` + "\n" + q),
			records: 1,
			bad:     1,
		},
		"quotes within a cell":   {content: []byte(people + `x@birch.example,A"b"c,F,,C,O,NO,2022-03-01` + "\n" + q), records: 2},
		"doubled quotes":         {content: []byte(people + `x@birch.example,"A ""b"" c",F,,C,O,NO,2022-03-01` + "\n" + q), records: 2},
		"newlines within a cell": {content: []byte(people + "x@birch.example,\"A\nb\",F,,C,O,NO,2022-03-01\n" + q), records: 2},
		"short rows":             {content: []byte(people + "x@birch.example\n" + q), records: 1, bad: 1},
		"long rows": {
			content: []byte(people + "x@birch.example" + strings.Repeat(",y", 1000) + "\n" + q),
			records: 1,
			bad:     1,
		},
		"empty rows":        {content: []byte(people + "\n\n" + p + "\n" + q), records: 2},
		"another delimiter": {content: []byte(strings.ReplaceAll(people+p+q, ",", ";")), records: 2},
		"tabs, UTF-16": {
			content: wide("\ufeff"+strings.ReplaceAll(people+p+q, ",", "\t"), binary.LittleEndian, 2),
			records: 2,
		},
		"capitals":                   {content: []byte(strings.ToUpper(people) + p + q), records: 2},
		"a banner":                   {content: []byte("Report of all staff\n" + people + p + q), records: 2, bad: 1},
		"a banner and an empty line": {content: []byte("Report of all staff\n\n" + people + p + q), records: 2, bad: 1},
		"a NUL in a cell":            {content: []byte(people + strings.Replace(p, "Person", "Per\x00son", 1) + q), records: 2},
		"a cell of 5 MiB": {
			content: []byte(people + strings.Replace(p, "Person", strings.Repeat("P", 5<<20), 1) + q),
			records: 1,
			bad:     1,
		},
		"a quoted cell of 5 MiB": {
			content: []byte(people + strings.Replace(p, "Person 1", `"`+strings.Repeat("P", 5<<20)+`"`, 1) + q),
			records: 1,
			bad:     1,
		},
		"100,000 columns":      {content: []byte(wideHeader + "x@birch.example,X," + strings.Repeat("1,", 100_000) + "F\n"), records: 1},
		"only a header":        {content: []byte(people)},
		"a header of nobody":   {content: []byte("colour,size\nred,7\n"), reason: "unknown kind"},
		"the header again":     {content: []byte(people + p + people + q), records: 3, either: true},
		"a manager of oneself": {content: []byte(people + strings.Replace(p, ",,", ",p1@birch.example,", 1)), records: 1},
	} {
		c.name = "table: " + name
		list = append(list, c)
	}
	return list
}

// heavy are inputs that are large, or become it, as streams.
func heavy(size int64) (list []hostile) {
	const bound = 300 << 20
	add := func(name string, stream func() io.Reader, records, bad int, reason string) {
		list = append(list, hostile{
			name:    "heavy: " + name,
			stream:  stream,
			records: records,
			bad:     bad,
			orMore:  true,
			reason:  reason,
			memory:  bound,
		})
	}
	text := strings.NewReader
	run := func(s string) io.Reader { return io.LimitReader(&repeated{s: s}, size/int64(len(s))*int64(len(s))) }
	between := func(first string, r io.Reader, last string) io.Reader {
		return io.MultiReader(text(first), r, text(last))
	}
	packed := func(r io.Reader) func() io.Reader {
		return func() io.Reader {
			out, in := io.Pipe()
			go func() {
				w, _ := gzip.NewWriterLevel(in, gzip.BestSpeed)
				_, err := io.Copy(w, r)
				in.CloseWithError(cmp.Or(err, w.Close()))
			}()
			return out
		}
	}
	add("a line", func() io.Reader { return between(rec(1)+"\n{\"uuid\":\"", run("x"), "\"}\n"+rec(2)) }, 2, 1, "")
	add("a line without an end", func() io.Reader { return between(rec(1)+"\n{\"uuid\":\"", run("x"), "") }, 1, 1, "")
	add("NULs", func() io.Reader { return between(rec(1)+"\n", run("\x00"), rec(2)) }, 2, 1, "")
	add("white space", func() io.Reader { return between(rec(1)+"\n", run(" "), rec(2)) }, 2, 0, "")
	add("white space first", func() io.Reader { return between("", run(" \n"), rec(2)) }, 1, 0, "")
	add("nulls in a list", func() io.Reader { return between("["+rec(1)+",", run("null,"), rec(2)+"]") }, 2, 1000, "")
	add("brackets", func() io.Reader { return between(rec(1)+"\n", run("["), "\n"+rec(2)) }, 2, 1, "")
	add("braces", func() io.Reader { return between(rec(1)+"\n", run(`{"a":`), "\n"+rec(2)) }, 2, 1, "")
	add("keys", func() io.Reader { return between(rec(1)+"\n{", run(`"k":1,`), "\"l\":1}\n"+rec(2)) }, 2, 1, "")
	add("unknown records", func() io.Reader { return between("", run("{\"x\":1}\n"), rec(2)) }, 1, 1000, "")
	add("bad lines", func() io.Reader { return between(rec(1)+"\n", run("{x}\n"), rec(2)) }, 2, 1000, "")
	add("bad rows", func() io.Reader { return between(people+person(1), run("x\n"), person(2)) }, 2, 1000, "")
	add("open quotes in rows", func() io.Reader { return between(people+person(1), run("x,\"\n"), person(2)) }, 2, 1000, "")
	add("a cell", func() io.Reader { return between(people+person(1)+"x,", run("y"), "\n"+person(2)) }, 2, 1, "")
	add("text of no kind", func() io.Reader { return between("", run("lorem ipsum\n"), rec(2)) }, 1, 1, "")
	add("records in UTF-16", func() io.Reader {
		utf16 := func(text string) string { return string(wide(text, binary.LittleEndian, 2)) }
		return between(utf16("\ufeff"+rec(1)+"\n"), run(utf16("x")), utf16("\n"+rec(2)))
	}, 2, 1, "")
	add("half records without line ends", func() io.Reader {
		return between("["+rec(1)+",", run(`{"uuid":"1","published":{`), "")
	}, 1, 1, "")
	add("gzip of a line", packed(between(rec(1)+"\n{\"uuid\":\"", run("x"), "\"}\n"+rec(2))), 2, 1, "or inflates to more")
	add("gzip of white space", packed(between("", run(" "), rec(2))), 1, 0, "or inflates to more")
	return list
}

// repeated is a text that does not end.
type repeated struct {
	s  string
	at int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	for n < len(p) {
		k := copy(p[n:], r.s[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.s)
	}
	return n, nil
}

func discard(int) func(*event.Event) error { return func(*event.Event) error { return nil } }

// TestHostile reads inputs that were made to hide records or to stop who reads them.
// None of them may, and all that is in them is accounted for: it is a record, it is
// counted as malformed, or the file is named as of another kind or unreadable. Set
// OUTFLOW_HEAVY to a number of bytes, such as 2e9, to have the heavy ones that large.
func TestHostile(t *testing.T) {
	size := 8e6
	if testing.Short() {
		size = 1e6
	}
	if s := os.Getenv("OUTFLOW_HEAVY"); s != "" {
		if _, err := fmt.Sscan(s, &size); err != nil {
			t.Fatal("OUTFLOW_HEAVY: ", err)
		}
	}
	inputs := slices.Concat(structures(), twinned(), values(), mistyped(t), containers(), tables(), heavy(int64(size)))
	if len(inputs) < 400 {
		t.Errorf("only %d inputs", len(inputs))
	}
	names := map[string]bool{}
	for _, h := range inputs {
		if names[h.name] {
			t.Errorf("%q twice", h.name)
		}
		names[h.name] = true
		t.Run(h.name, func(t *testing.T) { h.read(t) })
	}
	t.Logf("%d inputs", len(inputs))
}

func (h *hostile) read(t *testing.T) {
	in := io.Reader(bytes.NewReader(h.content))
	if h.stream != nil {
		in = h.stream()
	}
	watched := &heap{r: in}
	if h.memory > 0 {
		runtime.GC()
		watched.look()
		watched.before, watched.most = watched.most, 0
	}
	reader := files.Reader{Formats: all.Formats, Tables: all.Tables, Emit: discard}
	rep, err := reader.Stream(context.Background(), "hostile", watched)
	if err != nil {
		t.Fatal(err)
	}
	if h.memory > 0 && watched.most > watched.before+h.memory {
		t.Errorf("took %d MiB", (watched.most-watched.before)>>20)
	}
	said := fmt.Sprintf("%d records, %d problems %.200v, reason %q", rep.Records, rep.ProblemCount, rep.Problems, rep.Reason)
	if rest, either := strings.CutPrefix(h.reason, "or "); either && (rep.Reason != "" || rest == "counted" && rep.ProblemCount > 0) {
		return
	} else if !either && h.reason != "" && (rep.Reason == "" || h.reason != "*" && !strings.Contains(rep.Reason, h.reason)) {
		t.Errorf("want the reason %q: %s", h.reason, said)
	} else if h.reason == "" && rep.Reason != "" {
		t.Errorf("not read: %s", said)
	}
	records, bad := rep.Records, rep.ProblemCount
	switch {
	case h.either && !h.orMore && records+bad != h.records+h.bad, h.either && h.orMore && records+bad < h.records+h.bad && rep.Reason == "":
		t.Errorf("want %d in all: %s", h.records+h.bad, said)
	case !h.either && records != h.records, !h.either && !h.orMore && bad != h.bad, !h.either && bad < h.bad:
		t.Errorf("want %d records and %d malformed: %s", h.records, h.bad, said)
	}
}

// heap looks now and then at how much memory is in use while something is read.
type heap struct {
	r            io.Reader
	n            int
	before, most uint64
}

func (h *heap) Read(p []byte) (int, error) {
	if h.n++; h.n%64 == 1 {
		h.look()
	}
	return h.r.Read(p)
}

func (h *heap) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.most = max(h.most, m.HeapAlloc)
}
