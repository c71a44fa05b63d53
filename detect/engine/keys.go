package engine

import (
	"math/bits"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/outflow/outflow/internal/event"
)

// What was done to an object today.
const (
	didDownload = 1 << iota
	didShare
	didDelete
	didSync
	didApp
	didRead // from an object store
	didClone
	didPublish
	sequenceShared
	sequenceDeleted
	didTakeOff // off a device
	didAsk     // read through an assistant
	didCopy
	didPrint
)

// Domains of a novelty key: sets of different things share one map. The order is part of the stored format: add at the end.
const (
	ofItem = iota + 1
	ofPlace
	ofRecipient
	ofNetwork
	ofCountry
	ofAgent
	ofApp
	ofDomain
	ofPair
	ofExecution
	ofUser
	ofExposure
	ofDevice
	ofAccount
	ofWindow
	ofUnsigned
	stepTaken    // steps of a sequence, by item
	stepHidden   // renamed
	stepLowered  // its label lowered or taken off
	stepOut      // shared out
	stepSearched // a search of the whole organisation
	stepOpened   // a place to which the person gave themselves the right
	ofFolder
	ofCohort
	ofVerdict // what verdicts are about
	ofRequest
)

// hash is the key of a thing in a novelty set.
func hash(kind int, parts ...string) uint64 {
	h := uint64(kind) * 0x9e3779b97f4a7c15
	for _, p := range parts {
		h = mix(h, xxhash.Sum64String(p))
	}
	return h | 1
}

// hashed is hash of one part, by the part's XXH64.
func hashed(kind int, sum uint64) uint64 { return mix(uint64(kind)*0x9e3779b97f4a7c15, sum) | 1 }

func mix(h, sum uint64) uint64 {
	h = bits.RotateLeft64(h, 23) ^ sum
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}

// object is the key of the object of an event.
func object(e *event.Event) uint64 {
	if e.Object.ID != "" {
		return hash(ofItem, e.Source.String(), e.Object.ID)
	}
	if e.Object.Name == "" && e.Object.Container == "" {
		return 0
	}
	return hash(ofItem, e.Source.String(), e.Object.Container, e.Object.Name)
}

// network is the /16 of an IPv4 address or the /32 of an IPv6 address: about
// what one provider uses in one place.
func network(ip string) string {
	if i := strings.IndexByte(ip, '.'); i > 0 {
		if j := strings.IndexByte(ip[i+1:], '.'); j > 0 {
			return ip[:i+1+j]
		}
	}
	if i := strings.IndexByte(ip, ':'); i > 0 {
		if j := strings.IndexByte(ip[i+1:], ':'); j > 0 {
			return ip[:i+1+j]
		}
	}
	return ip
}

// family is the key of a user agent without its version numbers.
func family(agent string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(agent); i++ {
		if c := agent[i]; c != '.' && (c < '0' || c > '9') {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return h | 1
}
