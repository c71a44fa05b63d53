package ingest

import "encoding/binary"

// BatchMarker is a record in the log of events that is no event: a source says that it
// begins to deliver much at once, or that it has delivered all it has, in every
// partition. Until it has, what it delivered may lack what is older.
type BatchMarker struct {
	Begin  bool
	Seq    int64 // grows with every delivery of a source
	Source string
}

// Append appends the stored form of a mark. No stored event begins with a zero.
func (m BatchMarker) Append(b []byte) []byte {
	kind := byte('e')
	if m.Begin {
		kind = 'b'
	}
	return append(binary.BigEndian.AppendUint64(append(b, 0, kind), uint64(m.Seq)), m.Source...)
}

// ParseBatchMarker says whether a record of the log is a mark, and which.
func ParseBatchMarker(rec []byte) (m BatchMarker, ok bool) {
	if len(rec) < 10 || rec[0] != 0 {
		return m, false
	}
	return BatchMarker{rec[1] == 'b', int64(binary.BigEndian.Uint64(rec[2:])), string(rec[10:])}, true
}

// OpenBatches follows the marks of a log: which sources are delivering.
type OpenBatches struct {
	partitions int
	sources    map[string]*batch
}

type batch struct {
	begun int64
	ended []int64 // by partition
}

// NewOpenBatches returns the deliveries of a log with some partitions.
func NewOpenBatches(partitions int) *OpenBatches {
	return &OpenBatches{partitions, map[string]*batch{}}
}

// Observe takes in a mark of a partition.
func (d *OpenBatches) Observe(m BatchMarker, partition int) {
	s := d.sources[m.Source]
	if s == nil {
		s = &batch{ended: make([]int64, d.partitions)}
		d.sources[m.Source] = s
	}
	s.begun = max(s.begun, m.Seq) // the end tells as well that there was a beginning elsewhere
	if !m.Begin {
		s.ended[partition] = max(s.ended[partition], m.Seq)
	}
}

// Any says whether a source has begun to deliver what it has not said to be whole
// in every partition.
func (d *OpenBatches) Any() bool {
	for _, s := range d.sources {
		for _, e := range s.ended {
			if e < s.begun {
				return true
			}
		}
	}
	return false
}

// Reset drops what is known: the sources that were delivering say nothing any more.
func (d *OpenBatches) Reset() { clear(d.sources) }
