package ingesttest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// maxSeed is the largest size of a seed of a fuzz target. Every execution mutates and decodes
// whole inputs, so large ones are slow and find less.
const maxSeed = 2 << 10 // bytes

// Seeds splits an export into small inputs for a fuzz target, one for each record in the envelope
// of the export. Records of more than 2 KiB are left out unless there are no smaller ones.
func Seeds(data []byte) [][]byte {
	var list [][]byte
	switch lines := bytes.SplitAfter(bytes.TrimSpace(data), []byte("\n")); {
	case json.Valid(data):
		list = documents(data)
	case len(lines) > 0 && json.Valid(lines[0]): // NDJSON
		list = lines
	default: // a table: its first line is the header
		for _, row := range lines[1:] {
			list = append(list, slices.Concat(lines[0], row))
		}
	}
	small := slices.DeleteFunc(slices.Clone(list), func(b []byte) bool { return len(b) > maxSeed })
	if len(small) > 0 {
		return small
	}
	return append(list, data[:min(len(data), maxSeed)])
}

// documents returns copies of a JSON document, each with one element of the list that it is, or
// of the longest list in it.
func documents(data []byte) (list [][]byte) {
	var elements []json.RawMessage
	if json.Unmarshal(data, &elements) == nil {
		for _, e := range elements {
			list = append(list, slices.Concat([]byte("["), e, []byte("]")))
		}
		return list
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(data, &object) != nil {
		return [][]byte{data}
	}
	longest := ""
	for _, name := range slices.Sorted(maps.Keys(object)) {
		var in []json.RawMessage
		if json.Unmarshal(object[name], &in) == nil && len(in) > len(elements) {
			longest, elements = name, in
		}
	}
	for _, e := range elements {
		object[longest] = slices.Concat([]byte("["), e, []byte("]"))
		if b, err := json.Marshal(object); err == nil {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		list = append(list, data)
	}
	return list
}
