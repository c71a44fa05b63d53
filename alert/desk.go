package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/outflow/outflow/internal/cborstate"
	"github.com/outflow/outflow/internal/event"
	"github.com/outflow/outflow/internal/finding"
	"github.com/outflow/outflow/internal/spill"
)

// deskMemory is how many bytes of packed findings stay in memory where there is no file for them.
const deskMemory = 1 << 20

// openAlert is an alert that may still change: the findings of its highest risk so far.
type openAlert struct {
	Revision int
	Findings []*finding.Finding // nil if they are only packed
	Undone   []finding.Exposure // reported after the findings
	Again    []finding.Again    `json:",omitempty"` // the same
	Lowered  []*finding.Lowered `json:",omitempty"` // the same, of the findings as they are

	packed    spill.Ref   // Findings, as CBOR; empty if they have changed since
	first     firstOf     // of Findings
	draft     *Draft      // of the fields above; nil if they have changed
	published publishedAs // what Updates returned last
}

// firstOf is what is needed of the first finding of an alert while its findings are packed.
type firstOf struct {
	person      string
	time, until int64 // Unix milliseconds
	risk        float64
}

// setFirst notes what is needed of the first finding.
func (b *openAlert) setFirst() {
	f := b.Findings[0]
	b.first = firstOf{f.Person, f.Time, f.Until, f.Risk}
}

// packLater has the findings of an alert packed once its day is over.
func (d *Correlator) packLater(id string, b *openAlert) {
	if b.first.until > 0 {
		d.days = append(d.days, openDay{id, b.first.until})
	}
}

// openDay is a day of which the findings of an alert are not packed.
type openDay struct {
	id    string
	until int64 // its end, Unix milliseconds
}

// packOver packs the findings of days that have been over for an hour at a time (Unix milliseconds). They hardly
// change any more, and thousands of them wait to be published after a backlog.
func (d *Correlator) packOver(now int64) error {
	n := 0
	for n < len(d.days) && d.days[n].until+event.Hour <= now {
		if b := d.open[d.days[n].id]; b != nil && b.first.until+event.Hour <= now {
			if err := d.packWhole(b); err != nil {
				return err
			}
		}
		n++
	}
	d.days = slices.Delete(d.days, 0, n)
	return nil
}

// packWhole keeps the findings of an alert packed, and nothing else of it but its draft.
func (d *Correlator) packWhole(b *openAlert) error {
	_, err := d.draft(b)
	if err == nil {
		err = d.pack(b)
	}
	if err == nil {
		b.Findings = nil
	}
	return err
}

// pack brings what is packed of an alert up to date.
func (d *Correlator) pack(b *openAlert) error {
	if b.packed.Len() > 0 {
		return nil
	}
	body, err := cbor.Marshal(b.Findings)
	if err == nil {
		b.packed, err = d.file.Put(body)
	}
	if err != nil {
		return fmt.Errorf("alert: keep findings: %w", err)
	}
	return nil
}

// findings returns the findings of an alert, which are not to be changed.
func (b *openAlert) findings() (list []*finding.Finding, err error) {
	if b.Findings != nil {
		return b.Findings, nil
	}
	body, err := b.packed.Get(nil)
	if err == nil {
		err = cborstate.Unmarshal(body, &list)
	}
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("there are none")
	}
	if err != nil {
		return nil, fmt.Errorf("alert: read the findings that were kept: %w", err)
	}
	return list, nil
}

// Desk is what a correlator knew at a time. It shares what is packed with the correlator, and takes some hundred
// bytes an alert.
type Desk struct {
	open  map[string]*openAlert
	tails map[string]seriesTail
	file  *spill.File
}

// Desk returns what the correlator knows, without the alerts that Prune(before) would drop.
func (d *Correlator) Desk(before int64) (*Desk, error) {
	// Without the index by user, which Prune does not need.
	c := Correlator{open: maps.Clone(d.open), tails: d.tails, watermark: d.watermark, file: d.file}
	if err := c.Prune(before); err != nil {
		return nil, err
	}
	k := &Desk{make(map[string]*openAlert, len(c.open)), c.tails, d.file}
	for id, b := range c.open {
		if err := d.pack(b); err != nil {
			return nil, err
		}
		k.open[id] = b.copied()
	}
	return k, nil
}

// copied returns a packed alert that can change on its own.
func (b *openAlert) copied() *openAlert {
	return &openAlert{
		Revision: b.Revision, Undone: slices.Clip(b.Undone), Again: slices.Clip(b.Again), Lowered: slices.Clip(b.Lowered),
		packed: b.packed, first: b.first, draft: b.draft,
	}
}

// Correlator returns a correlator that goes on from a desk.
func (k *Desk) Correlator() *Correlator {
	d := NewCorrelator()
	d.file, d.tails = k.file, k.tails
	for id, b := range k.open {
		d.open[id] = b.copied()
	}
	d.reindex()
	return d
}

// Marshal serialises the desk; ParseDesk reads it. The stream processor stores it.
func (k *Desk) Marshal() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"Open":`)
	if err := writeOpen(&b, k.open, func(*openAlert) bool { return true }); err != nil {
		return nil, err
	}
	tails, err := json.Marshal(k.tails)
	if err != nil {
		return nil, err
	}
	b.WriteString(`,"Tail":`)
	b.Write(tails)
	b.WriteByte('}')
	return b.Bytes(), nil
}

// writeOpen writes some open alerts as a JSON object, by id. One of them is unpacked at a time.
func writeOpen(b *bytes.Buffer, open map[string]*openAlert, some func(*openAlert) bool) error {
	enc := json.NewEncoder(b)
	separator := byte('{')
	for _, id := range slices.Sorted(maps.Keys(open)) {
		x := open[id]
		if !some(x) {
			continue
		}
		list, err := x.findings()
		if err != nil {
			return err
		}
		b.WriteByte(separator)
		separator = ','
		if err := enc.Encode(id); err != nil {
			return err
		}
		b.WriteByte(':')
		whole := openAlert{Revision: x.Revision, Findings: list, Undone: x.Undone, Again: x.Again, Lowered: x.Lowered}
		if err := enc.Encode(&whole); err != nil {
			return err
		}
	}
	if separator == '{' {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return nil
}

// checkpointState is the stored form of a desk.
type checkpointState struct {
	Open map[string]*openAlert
	Tail map[string]seriesTail
}

// ParseDesk reads a desk that was serialised. Its findings are kept in a file.
func ParseDesk(stored []byte, file *spill.File) (*Desk, error) {
	var k checkpointState
	if err := json.Unmarshal(stored, &k); err != nil {
		return nil, fmt.Errorf("alert: correlator state: %w", err)
	}
	if err := validateOpen(k.Open); err != nil {
		return nil, err
	}
	addQualifiers(k.Open)
	d := NewCorrelator()
	d.file = file
	for _, b := range k.Open {
		b.setFirst()
		if err := d.packWhole(b); err != nil {
			return nil, err
		}
	}
	return &Desk{k.Open, k.Tail, file}, nil
}
