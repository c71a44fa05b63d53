package ingest

import "encoding/binary"

// BatchMarker is a control record in the event log. A source appends one to every partition
// when it begins a batch, and another when the batch is complete. Until then, older events of
// the batch may still be missing.
type BatchMarker struct {
	Begin  bool   // the batch begins; false if it ends
	Seq    int64  // increases with every batch of a source
	Source string // name of the source, and of the stream of an API
}

// Append appends the stored form of the marker. No stored event begins with a zero byte.
func (m BatchMarker) Append(b []byte) []byte {
	kind := byte('e')
	if m.Begin {
		kind = 'b'
	}
	return append(binary.BigEndian.AppendUint64(append(b, 0, kind), uint64(m.Seq)), m.Source...)
}

// ParseBatchMarker parses a record of the event log. It returns false if the record is not a
// batch marker.
func ParseBatchMarker(rec []byte) (m BatchMarker, ok bool) {
	if len(rec) < 10 || rec[0] != 0 {
		return m, false
	}
	return BatchMarker{rec[1] == 'b', int64(binary.BigEndian.Uint64(rec[2:])), string(rec[10:])}, true
}

// OpenBatches tracks the batches of an event log that are not complete in every partition.
type OpenBatches struct {
	partitions int
	sources    map[string]*batch
}

type batch struct {
	begun int64
	ended []int64 // by partition
}

// NewOpenBatches returns the tracker for an event log with this many partitions.
func NewOpenBatches(partitions int) *OpenBatches {
	return &OpenBatches{partitions, map[string]*batch{}}
}

// Observe records a marker read from a partition.
func (d *OpenBatches) Observe(m BatchMarker, partition int) {
	s := d.sources[m.Source]
	if s == nil {
		s = &batch{ended: make([]int64, d.partitions)}
		d.sources[m.Source] = s
	}
	s.begun = max(s.begun, m.Seq) // an end implies a begin in another partition
	if !m.Begin {
		s.ended[partition] = max(s.ended[partition], m.Seq)
	}
}

// Any reports whether a batch has begun that has not ended in every partition.
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

// Reset forgets all batches, for sources that have stopped without ending theirs.
func (d *OpenBatches) Reset() { clear(d.sources) }
