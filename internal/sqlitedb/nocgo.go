//go:build !cgo

package sqlitedb

// Without cgo the SQLite driver compiles into a stub that fails when the first file is
// opened. The build fails here instead.
var _ = outflow_needs_cgo_SQLite_is_C__build_with_CGO_ENABLED_1_and_a_C_compiler
