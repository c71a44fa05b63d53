package m365

// tables holds the meaning of every operation that is known, by subject. An operation is in one of
// them only.
var tables = []map[string]operation{
	operations, workloads, signInOperations, settingOperations, directoryOperations, exchangeOperations, publishedOperations,
}

// byName finds operations by their exact and by their folded names.
var byName = func() map[string]operation {
	all := map[string]operation{}
	for _, t := range tables {
		for name, op := range t {
			all[name] = op
			all[string(fold(nil, name))] = op
		}
	}
	return all
}()

// lookup returns the meaning of an operation. Microsoft writes the same name with and without a
// final stop, with a hyphen or a dash, and with blanks at its end, and exports break the dash.
func lookup(name string) operation {
	if op, ok := byName[name]; ok {
		return op
	}
	var buf [96]byte
	return byName[string(fold(buf[:0], name))]
}

// fold appends the ASCII letters and digits of a name to b, the letters in lower case.
func fold(b []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'A' && c <= 'Z':
			b = append(b, c|0x20)
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b = append(b, c)
		}
	}
	return b
}
