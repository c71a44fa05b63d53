package alerttest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"sync"
)

// Fault is a way in which a receiver fails.
type Fault int

// The faults. The first ones are answers, or come before anything was taken; after the others the message has arrived.
const (
	None        Fault = iota
	Refused           // the receiver says that the message is wrong: it is set aside
	Throttled         // too many requests, with the time to wait
	Unavailable       // 503, nothing was taken
	Redirected        // the address leads elsewhere
	Gone              // the address is not there any more
	Denied            // the credentials are not taken
	CutBefore         // the connection is cut, nothing was taken
	CutAfter          // the message is taken, and the connection cut
	Truncated         // the message is taken, and the connection cut within the answer
	FailedAfter       // the message is taken, and a gateway says that it failed
	Hung              // the message is taken, and no answer comes
)

// Faults are all faults.
var Faults = []Fault{Refused, Throttled, Unavailable, Redirected, Gone, Denied, CutBefore, CutAfter, Truncated, FailedAfter, Hung}

// String returns the name of the fault.
func (f Fault) String() string {
	return [...]string{
		"none", "refused", "throttled", "unavailable", "redirected", "gone", "denied", "cut-before",
		"cut-after", "truncated", "failed-after", "hung",
	}[f]
}

// Ledger is what a receiver was told, by the key of the message, and how it is to fail.
type Ledger struct {
	Heard   func(message []byte) // if not nil, it is called with every message that is told; set it before the first
	mu      sync.Mutex
	script  []Fault
	chance  float64
	rng     *rand.Rand
	current string
	plain   map[string]int // how often a message came without a mark
	marked  map[string]int // how often it came as a possible repeat
	known   map[string]string
	faults  map[Fault]int
}

// NewLedger returns an empty ledger of a receiver that does not fail.
func NewLedger() *Ledger {
	return &Ledger{plain: map[string]int{}, marked: map[string]int{}, known: map[string]string{}, faults: map[Fault]int{}}
}

// Script has the next requests fail, one fault each.
func (l *Ledger) Script(faults ...Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.script = faults
}

// Random has requests fail with a chance, in every way but those that set the message aside.
func (l *Ledger) Random(chance float64, seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chance, l.rng = chance, rand.New(rand.NewPCG(seed, 1))
}

// next returns how a request is to fail.
func (l *Ledger) next() Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := None
	switch {
	case len(l.script) > 0:
		f, l.script = l.script[0], l.script[1:]
	case l.rng != nil && l.rng.Float64() < l.chance:
		f = Faults[1+l.rng.IntN(len(Faults)-1)]
		if f == Hung && l.rng.IntN(10) > 0 { // it takes long
			f = CutAfter
		}
	}
	if f != None {
		l.faults[f]++
	}
	return f
}

// Begin says which message is sent next.
func (l *Ledger) Begin(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current = key
}

// repeat is what marks a message, in the words of the formats.
var repeat = regexp.MustCompile(`(?i)possible[ _-]?repeat`)

// told counts the message that is sent now, given its text.
func (l *Ledger) told(text []byte) {
	if l.Heard != nil {
		l.Heard(text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if repeat.Match(text) {
		l.marked[l.current]++
	} else {
		l.plain[l.current]++
	}
}

// once counts the message that is sent now unless the receiver has had something under a name: it drops repetitions by
// itself. It reports whether it was new.
func (l *Ledger) once(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.known[name]; there {
		return false
	}
	l.known[name] = l.current
	l.plain[l.current]++
	return true
}

// put keeps a value under a name, and get returns it.
func (l *Ledger) put(name, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[name] = value
}

func (l *Ledger) get(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known[name]
}

// Count returns how many messages came, how many of them without a mark, and how many repetitions were marked.
func (l *Ledger) Count() (messages, plain, marked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := maps.Clone(l.plain)
	maps.Copy(all, l.marked)
	for key := range all {
		plain += l.plain[key]
		marked += l.marked[key]
	}
	return len(all), plain, marked
}

// FaultCounts says how often the receiver failed in which way.
func (l *Ledger) FaultCounts() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text []string
	for _, f := range slices.Sorted(maps.Keys(l.faults)) {
		text = append(text, fmt.Sprintf("%s %d", f, l.faults[f]))
	}
	return fmt.Sprint(text)
}

// Check returns what is wrong with how messages were told: each of the given keys must have come, and once without a mark
// at most.
func (l *Ledger) Check(keys ...string) (wrong []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		switch n := l.plain[key]; {
		case n > 1:
			wrong = append(wrong, fmt.Sprintf("%s came %d times without a mark, and %d with one", key, n, l.marked[key]))
		case n+l.marked[key] == 0:
			wrong = append(wrong, key+" never came")
		}
	}
	return wrong
}
