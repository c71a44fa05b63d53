package files

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/outflow/outflow/internal/jsonscan"
)

// empty reports whether a cell has no value.
func (c cell) empty() bool {
	t := bytes.TrimSpace(c.text)
	return len(t) == 0 || c.json && (string(t) == "null" || string(t) == `""`)
}

// value appends the value of a cell in JSON.
func (s *shape) value(b []byte, c cell) []byte {
	text := bytes.TrimSpace(c.text)
	if c.json {
		if text[0] != '"' {
			return append(b, text...)
		}
		var u jsonscan.Scanner
		u.Reset(text)
		inner := bytes.TrimSpace(u.Bytes())
		if len(inner) == 0 || !s.time && inner[0] != '{' && inner[0] != '[' {
			return append(b, text...)
		}
		text = inner
	}
	if s.time {
		return appendQuoted(b, portalTime(text))
	}
	if text[0] == '{' || text[0] == '[' {
		if whole(text) {
			return append(b, text...)
		}
		if out, rest, ok := appendStruct(b, text, s.key, 0); ok && len(rest) == 0 {
			return out
		}
	}
	return appendQuoted(b, text)
}

// whole reports whether a text is one value in JSON and nothing else.
func whole(text []byte) bool {
	var s jsonscan.Scanner
	s.Reset(text)
	walk(&s)
	return s.Err() == nil && s.Offset() == len(text)
}

// walk goes through a value, and so checks its syntax.
func walk(s *jsonscan.Scanner) {
	switch s.Kind() {
	case '{':
		s.Object()
		for s.Next() {
			walk(s)
		}
	case '[':
		s.Array()
		for s.Elem() {
			walk(s)
		}
	default:
		s.Skip()
	}
}

// portalTime returns a time as the portal of Azure writes it (3/2/2026, 8:00:01.500 AM, the
// month first whatever the language) as RFC 3339 has it, and any other text unchanged.
func portalTime(text []byte) []byte {
	if !bytes.Contains(text, []byte("M")) || !bytes.Contains(text, []byte(", ")) {
		return text
	}
	for _, layout := range []string{"1/2/2006, 3:04:05.000 PM", "1/2/2006, 3:04:05 PM"} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			return t.AppendFormat(nil, "2006-01-02T15:04:05.000Z")
		}
	}
	return text
}

// appendQuoted appends a text as a JSON string.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// maxStruct is the deepest nesting of structures in a cell.
const maxStruct = 8

// appendStruct appends the structure or list at the start of a text as JSON: {type=Role,
// sessioncontext={…}}, as Athena and CloudTrail Lake print them. Names are in lower case there,
// and values are not quoted: a value ends before a comma and a name that is known, or before the
// bracket. It returns the text behind it. It is not ok if the text is no such structure.
func appendStruct(b, text []byte, parent string, depth int) (out, rest []byte, ok bool) {
	if depth > maxStruct {
		return b, text, false
	}
	open, end := text[0], byte('}')
	if open == '[' {
		end = ']'
	}
	b = append(b, open)
	text = bytes.TrimLeft(text[1:], " ")
	for some := false; ; some = true {
		if len(text) == 0 {
			return b, text, false
		}
		if text[0] == end {
			return append(b, end), text[1:], true
		}
		if some {
			if !bytes.HasPrefix(text, []byte(", ")) {
				return b, text, false
			}
			b, text = append(b, ','), text[2:]
		}
		key := parent
		if open == '{' {
			name, value, found := bytes.Cut(text, []byte("="))
			if !found || !isName(name) {
				return b, text, false
			}
			key = structName(parent, string(name))
			b, text = append(appendQuoted(b, []byte(key)), ':'), value
		}
		if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			if b, text, ok = appendStruct(b, text, key, depth+1); !ok {
				return b, text, false
			}
			continue
		}
		n := valueEnd(text, open, end)
		if n < 0 {
			return b, text, false
		}
		if value := text[:n]; string(value) == "null" {
			b = append(b, "null"...)
		} else {
			b = appendQuoted(b, value)
		}
		text = text[n:]
	}
}

// valueEnd returns the length of the value at the start of the inside of a structure, or -1.
func valueEnd(text []byte, open, end byte) int {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == end:
			return i
		case bytes.HasPrefix(text[i:], []byte(", ")):
			if open == '[' {
				return i
			}
			name, _, found := bytes.Cut(text[i+2:], []byte("="))
			if found && isName(name) && trailNames[strings.ToLower(string(name))] != "" {
				return i
			}
		}
	}
	return -1
}

// isName reports whether a text can be the name of a field.
func isName(text []byte) bool {
	for _, c := range text {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c != '_' && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return len(text) > 0
}

// structName returns the name of a field as a record has it.
func structName(parent, name string) string {
	if parent == "resources" && strings.EqualFold(name, "arn") {
		return "ARN"
	}
	if proper := trailNames[strings.ToLower(name)]; proper != "" {
		return proper
	}
	return name
}

// trailNames are the names of the fields of CloudTrail's records, by the same in lower case.
var trailNames = func() map[string]string {
	names := map[string]string{}
	for _, n := range strings.Fields(`
		eventVersion userIdentity eventTime eventSource eventName awsRegion sourceIPAddress userAgent errorCode errorMessage
		requestParameters responseElements additionalEventData requestID eventID readOnly resources eventType apiVersion
		managementEvent recipientAccountId serviceEventDetails sharedEventID vpcEndpointId vpcEndpointAccountId eventCategory
		addendum sessionCredentialFromConsole edgeDeviceDetails tlsDetails insightDetails
		type principalId arn accountId accessKeyId userName invokedBy sessionContext sessionIssuer attributes creationDate
		mfaAuthenticated webIdFederationData federatedProvider sourceIdentity ec2RoleDelivery ec2IssuedInVpc identityProvider
		credentialId onBehalfOf userId identityStoreArn inScopeOf issuerType sourceArn sourceAccount
		tlsVersion cipherSuite clientProvidedHostHeader reason updatedFields originalRequestID originalEventID`) {
		names[strings.ToLower(n)] = n
	}
	return names
}()
