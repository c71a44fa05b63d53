// Package cborstate decodes state that the program stored as CBOR.
package cborstate

import "github.com/fxamacker/cbor/v2"

// decoding does not bound the number of accounts or objects: the decoder checks that the input
// is as long as it claims before it allocates. Names come from vendors' logs and need not be
// valid UTF-8.
var decoding = func() cbor.DecMode {
	mode, err := cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid, MaxArrayElements: 1<<31 - 1, MaxMapPairs: 1<<31 - 1}.DecMode()
	if err != nil {
		panic(err) // cannot happen: the options are constant
	}
	return mode
}()

// Unmarshal decodes a value that cbor.Marshal encoded into v, a pointer. Damaged input is an
// error.
func Unmarshal(b []byte, v any) error { return decoding.Unmarshal(b, v) }
