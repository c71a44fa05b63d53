// Package schema has the JSON Schema of the configuration, for editors and for outflow init. It is made from the types
// of the configuration and their comments: go test ./cmd/outflow/internal/config -run TestSchema -update.
package schema

import _ "embed" // for Config

// Config is the schema, of draft 2020-12.
//
//go:embed config.json
var Config []byte
