package ingest

import "encoding/binary"

// Mark is a record in the log of events that is no event: a source says that it
// begins to deliver much at once, or that it has delivered all it has, in every
// partition. Until it has, what it delivered may lack what is older.
type Mark struct {
	Begins bool
	Pass   int64 // grows with every delivery of a source
	Source string
}

// Append appends the stored form of a mark. No stored event begins with a zero.
func (m Mark) Append(b []byte) []byte {
	kind := byte('e')
	if m.Begins {
		kind = 'b'
	}
	return append(binary.BigEndian.AppendUint64(append(b, 0, kind), uint64(m.Pass)), m.Source...)
}

// ReadMark says whether a record of the log is a mark, and which.
func ReadMark(rec []byte) (m Mark, ok bool) {
	if len(rec) < 10 || rec[0] != 0 {
		return m, false
	}
	return Mark{rec[1] == 'b', int64(binary.BigEndian.Uint64(rec[2:])), string(rec[10:])}, true
}

// Deliveries follows the marks of a log: which sources are delivering.
type Deliveries struct {
	partitions int
	sources    map[string]*delivery
}

type delivery struct {
	begun int64
	ended []int64 // by partition
}

// NewDeliveries returns the deliveries of a log with some partitions.
func NewDeliveries(partitions int) *Deliveries {
	return &Deliveries{partitions, map[string]*delivery{}}
}

// See takes in a mark of a partition.
func (d *Deliveries) See(m Mark, partition int) {
	s := d.sources[m.Source]
	if s == nil {
		s = &delivery{ended: make([]int64, d.partitions)}
		d.sources[m.Source] = s
	}
	s.begun = max(s.begun, m.Pass) // the end tells as well that there was a beginning elsewhere
	if !m.Begins {
		s.ended[partition] = max(s.ended[partition], m.Pass)
	}
}

// Open says whether a source has begun to deliver what it has not said to be whole
// in every partition.
func (d *Deliveries) Open() bool {
	for _, s := range d.sources {
		for _, e := range s.ended {
			if e < s.begun {
				return true
			}
		}
	}
	return false
}

// Forget drops what is known: the sources that were delivering say nothing any more.
func (d *Deliveries) Forget() { clear(d.sources) }
