package ingest

// Mark is a record in the log of events that is no event: a source says that it
// begins to deliver much at once, or that it has delivered all it has. Until then
// what it delivered may lack what is older.
type Mark struct {
	Begins bool
	Source string
}

// Append appends the stored form of a mark. No stored event begins with a zero.
func (m Mark) Append(b []byte) []byte {
	kind := byte('e')
	if m.Begins {
		kind = 'b'
	}
	return append(append(b, 0, kind), m.Source...)
}

// ReadMark says whether a record of the log is a mark, and which.
func ReadMark(rec []byte) (m Mark, ok bool) {
	if len(rec) < 2 || rec[0] != 0 {
		return m, false
	}
	return Mark{rec[1] == 'b', string(rec[2:])}, true
}
