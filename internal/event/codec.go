package event

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// The stored form of an event, version 1:
//
//	version 1 · time 8 · key 8 · source 1 · class 1 · kind 1 · outcome 1 · before<<4|after 1 · flags 1 · texts mask 4
//	the texts that the mask names, each as uvarint length and bytes
//	size, rows, bytes, items as varints, if flagNumbers
//	recipients and attributes, if flagLists
//
// Integers of fixed size are little-endian. An id that is a UUID in lower case
// takes 16 bytes. A log of events can be read by any later version.

const (
	codecVersion = 1
	headerSize   = 27

	flagNumbers = 1 << 0
	flagLists   = 1 << 1
	flagFolder  = 1 << 2
	flagUUID    = 1 << 3
	flagGuest   = 1 << 4
	flagLocal   = 1 << 5
)

var errRecord = errors.New("event: damaged record")

// AppendFramed appends a stored event with its length before it, for Framed.
func AppendFramed(b, rec []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(rec))), rec...)
}

// Framed calls each for the stored events that AppendFramed put into b. Their memory is that of
// b, and they have a whole header. It returns the first error of each, and an error for damaged
// input.
func Framed(b []byte, each func(rec []byte) error) error {
	for len(b) > 0 {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > uint64(len(b)-k) || !HasHeader(b[k:k+int(n)]) {
			return errRecord
		}
		if err := each(b[k : k+int(n)]); err != nil {
			return err
		}
		b = b[k+int(n):]
	}
	return nil
}

// HasHeader reports whether a record begins with the header of a stored event and all of its
// values are known. RecordTime and RecordKey need it.
func HasHeader(rec []byte) bool {
	return len(rec) >= headerSize && rec[0] == codecVersion && rec[17] < byte(sourceCount) && rec[18] < byte(classCount) &&
		int(rec[19]) < len(kindNames) && rec[20] <= byte(UnknownOutcome) && int(rec[21]>>4) < len(visibilityNames) &&
		int(rec[21]&15) < len(visibilityNames)
}

const textCount = 19

// texts lists the text fields in stored order.
func (e *Event) texts() [textCount]*string {
	return [...]*string{&e.Actor.Account, &e.Actor.Alias, &e.Actor.Name, &e.Actor.OnBehalfOf, &e.ID, &e.Tenant, &e.Action,
		&e.Object.ID, &e.Object.Type, &e.Object.Name, &e.Object.Container, &e.Object.Owner, &e.Object.Label,
		&e.Client.IP, &e.Client.Agent, &e.Client.Country, &e.Client.App, &e.Client.Session, &e.Client.Device}
}

const (
	idText     = 4 // index of ID in texts
	tenantText = 5 // index of Tenant
)

// Append appends the stored form of the event to b.
func (e *Event) Append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, headerSize)...)
	h := b[at:]
	h[0] = codecVersion
	binary.LittleEndian.PutUint64(h[1:], uint64(e.Time))
	binary.LittleEndian.PutUint64(h[9:], e.Key)
	h[17], h[18], h[19], h[20], h[21] = byte(e.Source), byte(e.Class), byte(e.Actor.Kind), byte(e.Outcome), byte(e.Before<<4|e.After)
	var flags byte
	var mask uint32
	for i, t := range e.texts() {
		s := *t
		if s == "" {
			continue
		}
		mask |= 1 << i
		if i == idText {
			if raw, is := parseUUID(s); is {
				flags |= flagUUID
				b = append(b, raw[:]...)
				continue
			}
		}
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}

	if e.Object.Size|e.Rows|e.Bytes|e.Items != 0 {
		flags |= flagNumbers
		for _, n := range [...]int64{e.Object.Size, e.Rows, e.Bytes, e.Items} {
			b = binary.AppendVarint(b, n)
		}
	}

	if len(e.To)+len(e.Attrs) > 0 {
		flags |= flagLists
		b = binary.AppendUvarint(b, uint64(len(e.To)))
		for i := range e.To {
			r := &e.To[i]
			b = appendText(appendText(append(b, byte(r.Scope)), r.Account), r.Department)
		}
		b = binary.AppendUvarint(b, uint64(len(e.Attrs)))
		for i := range e.Attrs {
			b = appendText(appendText(b, e.Attrs[i].Name), e.Attrs[i].Value)
		}
	}

	if e.Object.Folder {
		flags |= flagFolder
	}
	if e.Actor.Guest {
		flags |= flagGuest
	}
	if e.Zoneless {
		flags |= flagLocal
	}
	h = b[at:]
	h[22] = flags
	binary.LittleEndian.PutUint32(h[23:], mask)
	return b
}

// appendText appends a text with its length.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// RecordTime returns the time of a stored event, Unix milliseconds, without decoding the rest.
// The record must have a header (HasHeader).
func RecordTime(rec []byte) int64 { return int64(binary.LittleEndian.Uint64(rec[1:])) }

// RecordKey returns the key of a stored event without decoding the rest. The record must have a
// header (HasHeader).
func RecordKey(rec []byte) uint64 { return binary.LittleEndian.Uint64(rec[9:]) }

// RecordSource returns the source of a stored event.
func RecordSource(rec []byte) Source { return Source(rec[17]) }

// RecordKind returns the kind of actor of a stored event.
func RecordKind(rec []byte) ActorKind { return ActorKind(rec[19]) }

// SetRecordKind changes the kind of actor of a stored event.
func SetRecordKind(rec []byte, k ActorKind) { rec[19] = byte(k) }

// RecordGuest reports whether the actor of a stored event is a guest.
func RecordGuest(rec []byte) bool { return rec[22]&flagGuest != 0 }

// SetRecordGuest makes the actor of a stored event a guest.
func SetRecordGuest(rec []byte) { rec[22] |= flagGuest }

// RecordClass returns the class of a stored event.
func RecordClass(rec []byte) Class { return Class(rec[18]) }

// RecordOutcome returns the outcome of a stored event.
func RecordOutcome(rec []byte) Outcome { return Outcome(rec[20]) }

// RecordVisibility returns the visibility of the object of a stored event before and after the
// action.
func RecordVisibility(rec []byte) (before, after Visibility) {
	return Visibility(rec[21] >> 4), Visibility(rec[21] & 15)
}

// RecordActor returns the account and the alias of the actor of a stored event. They share its
// memory.
func RecordActor(rec []byte) (account, alias string) {
	mask := binary.LittleEndian.Uint32(rec[23:])
	r := reader{rec[headerSize:]}
	if mask&1 != 0 {
		account = r.text()
	}
	if mask&2 != 0 {
		alias = r.text()
	}
	return account, alias
}

// RecordTenant returns the tenant of a stored event. It shares its memory.
func RecordTenant(rec []byte) string {
	mask := binary.LittleEndian.Uint32(rec[23:])
	if mask&(1<<tenantText) == 0 {
		return ""
	}
	r := reader{rec[headerSize:]}
	for i := range tenantText {
		switch {
		case mask&(1<<i) == 0:
		case i == idText && rec[22]&flagUUID != 0:
			r.b = r.b[min(16, len(r.b)):]
		default:
			r.text()
		}
	}
	return r.text()
}

// RecordHasRecipients reports whether a stored event has recipients or attributes.
func RecordHasRecipients(rec []byte) bool { return rec[22]&flagLists != 0 }

// Decoder reads stored events. The zero value is ready. It is not safe for concurrent use.
type Decoder struct{ uuid [36]byte }

// Decode reads one stored event into e. Strings share the memory of rec and of the decoder, and
// are valid until the next call. Damaged input is an error, never a panic.
func (d *Decoder) Decode(rec []byte, e *Event) error {
	if !HasHeader(rec) {
		return errRecord
	}
	e.Time, e.Key = RecordTime(rec), RecordKey(rec)
	e.Source, e.Class, e.Actor.Kind, e.Outcome = Source(rec[17]), Class(rec[18]), ActorKind(rec[19]), Outcome(rec[20])
	e.Before, e.After = Visibility(rec[21]>>4), Visibility(rec[21]&15)
	flags, mask := rec[22], binary.LittleEndian.Uint32(rec[23:])
	r := reader{rec[headerSize:]}
	for i, t := range e.texts() {
		switch {
		case mask&(1<<i) == 0:
			*t = ""
		case i == idText && flags&flagUUID != 0:
			if len(r.b) < 16 {
				return errRecord
			}
			formatUUID(&d.uuid, r.b[:16])
			*t = unsafe.String(&d.uuid[0], 36)
			r.b = r.b[16:]
		default:
			*t = r.text()
		}
	}

	e.Object.Size, e.Rows, e.Bytes, e.Items = 0, 0, 0, 0
	if flags&flagNumbers != 0 {
		e.Object.Size, e.Rows, e.Bytes, e.Items = r.int(), r.int(), r.int(), r.int()
	}
	e.To, e.Attrs = e.To[:0], e.Attrs[:0]
	if flags&flagLists != 0 {
		for n := r.count(); n > 0; n-- {
			scope := Scope(r.byte())
			if scope > ScopeAnyone {
				return errRecord
			}
			e.To = append(e.To, Recipient{Scope: scope, Account: r.text(), Department: r.text()})
		}
		for n := r.count(); n > 0; n-- {
			e.Attrs = append(e.Attrs, Attr{r.text(), r.text()})
		}
	}

	e.Object.Folder, e.Actor.Guest = flags&flagFolder != 0, flags&flagGuest != 0
	e.Zoneless = flags&flagLocal != 0
	if r.b == nil {
		return errRecord
	}
	return nil
}

// reader consumes a record; b is nil once it is damaged.
type reader struct{ b []byte }

// text reads a text, which shares the record's memory.
func (r *reader) text() string {
	if len(r.b) > 0 && int(r.b[0]) < min(len(r.b), 0x80) { // nearly all texts are short
		n := int(r.b[0])
		t := r.b[1 : 1+n]
		r.b = r.b[1+n:]
		return unsafe.String(unsafe.SliceData(t), n)
	}
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > uint64(len(r.b)-k) {
		r.b = nil
		return ""
	}
	t := r.b[k : k+int(n)]
	r.b = r.b[k+int(n):]
	return unsafe.String(unsafe.SliceData(t), len(t))
}

// int reads an integer.
func (r *reader) int() int64 {
	n, k := binary.Varint(r.b)
	if k <= 0 {
		r.b = nil
		return 0
	}
	r.b = r.b[k:]
	return n
}

// count reads the length of a list, each element of which takes at least a byte.
func (r *reader) count() int {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > uint64(len(r.b)-k) {
		r.b = nil
		return 0
	}
	r.b = r.b[k:]
	return int(n)
}

// byte reads a byte.
func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.b = nil
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// uuidAt is where the pairs of digits of a UUID are in its text.
var uuidAt = [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// parseUUID returns the bytes of a UUID in lower case; ok is false if it is none.
func parseUUID(s string) (raw [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return raw, false
	}
	var bad int8 // negative if a digit is
	for k, at := range uuidAt {
		high, low := hexValue[s[at]], hexValue[s[at+1]]
		bad |= high | low
		raw[k] = byte(high<<4 | low)
	}
	return raw, bad >= 0
}

var hexValue = func() (t [256]int8) {
	for i := range t {
		t[i] = -1
	}
	for i, c := range "0123456789abcdef" {
		t[c] = int8(i)
	}
	return t
}()

// formatUUID writes the text of a UUID's 16 bytes to dst.
func formatUUID(dst *[36]byte, raw []byte) {
	dst[8], dst[13], dst[18], dst[23] = '-', '-', '-', '-'
	for k, at := range uuidAt {
		pair := hexPairs[raw[k]]
		dst[at], dst[at+1] = pair[0], pair[1]
	}
}

// hexPairs are the texts of bytes.
var hexPairs = func() (t [256][2]byte) {
	const digits = "0123456789abcdef"
	for i := range t {
		t[i] = [2]byte{digits[i>>4], digits[i&15]}
	}
	return t
}()
