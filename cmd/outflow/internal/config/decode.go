package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"

	"github.com/outflow/outflow/alert"
	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
)

// UnmarshalYAML implements yaml.BytesUnmarshaler: the kind determines the other settings.
// A kind that is not known is left to validation.
func (s *Source) UnmarshalYAML(text []byte) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	common := []string{"name", "kind", "since", "zone", "date_order", "allow_networks"}
	if given["kind"] == "files" {
		common = append(common, "paths")
	}
	type plain Source
	if err := decodeMap(split(given, common), (*plain)(s)); err != nil {
		return err
	}
	if s.Kind == "files" {
		return decodeMap(given, &struct{}{})
	}
	i := slices.IndexFunc(all.Kinds, func(k ingest.Kind) bool { return k.Name == s.Kind })
	if i < 0 {
		return nil
	}
	s.Api = all.Kinds[i].New()
	if err := decodeMap(given, s.Api); err != nil {
		return fmt.Errorf("source %s: %w", s.Name, err)
	}
	return nil
}

// commonSettings are the settings that all channels have.
var commonSettings = []string{
	"name", "kind", "min_severity", "detectors", "health", "people", "purpose", "per_day",
	"allow_networks", "departments", "leavers", "ca", "client_cert", "client_key",
}

// UnmarshalYAML implements yaml.BytesUnmarshaler: the kind determines the other settings.
// A kind that is not known is left to validation.
func (c *Channel) UnmarshalYAML(text []byte) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	common := commonSettings
	if given["kind"] == "file" {
		common = append(slices.Clone(common), "path")
	}
	type plain Channel
	if err := decodeMap(split(given, common), (*plain)(c)); err != nil {
		return err
	}
	if c.Kind == "file" {
		return decodeMap(given, &struct{}{})
	}
	i := slices.IndexFunc(channels.Kinds, func(k alert.Kind) bool { return k.Name == c.Kind })
	if i < 0 {
		return nil
	}
	c.Spec = channels.Kinds[i]
	c.settings = c.Spec.New()
	if err := decodeMap(given, c.settings); err != nil {
		return fmt.Errorf("channel %s: %w", c.Name, err)
	}
	return nil
}

// split takes some keys out of a mapping.
func split(given map[string]any, keys []string) map[string]any {
	taken := map[string]any{}
	for _, key := range keys {
		if v, set := given[key]; set {
			taken[key] = v
			delete(given, key)
		}
	}
	return taken
}

// decodeMap decodes settings strictly.
func decodeMap(m map[string]any, into any) error {
	b, err := yaml.Marshal(m)
	if err != nil {
		return err
	}
	err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(into)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return wrongType(err, false)
}

// wrongType makes an error about a value of the wrong type name the setting, and its line if the
// file as a whole was decoded. Other errors stay as they are.
func wrongType(err error, line bool) error {
	var e *yaml.TypeError
	if !errors.As(err, &e) {
		return err
	}
	where := ""
	for t := e.Token; t != nil && where == ""; t = t.Prev {
		if t.Type == token.MappingValueType && t.Prev != nil {
			where = t.Prev.Value + ": "
		}
	}
	if line && e.Token != nil {
		where = fmt.Sprintf("line %d: %s", e.Token.Position.Line, where)
	}
	return fmt.Errorf("%s%s is required, not %s", where, kindOf(e.DstType), kindOf(e.SrcType))
}

// kindOf is the kind of a value in YAML.
func kindOf(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "a mapping"
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 {
		return "a whole number"
	}
	return "another value"
}
