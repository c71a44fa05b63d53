// Package examples has the exports of a small organisation, for outflow demo.
package examples

import "embed"

// Acme are the exports: a folder acme with one for each vendor.
//
//go:embed acme
var Acme embed.FS
