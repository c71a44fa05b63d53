// Package cborstate reads the state that the program has written as CBOR. It owns no state.
package cborstate

import "github.com/fxamacker/cbor/v2"

// decoding has no bound on how many accounts or things there are, since what is read is
// checked to be as long as it says before anything is made of it. Names are those of the
// vendors' logs, which need not be valid UTF-8.
var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: 1<<31 - 1, MaxMapPairs: 1<<31 - 1}.DecMode()
	if err != nil {
		panic(err) // the options are those above
	}
	return mode
}()

// Unmarshal reads a value that cbor.Marshal wrote into v, a pointer. Damaged input is an
// error.
func Unmarshal(b []byte, v any) error { return decoding.Unmarshal(b, v) }
