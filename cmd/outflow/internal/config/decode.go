package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"

	"github.com/outflow/outflow/alert"
	channels "github.com/outflow/outflow/alert/all"
	"github.com/outflow/outflow/ingest"
	"github.com/outflow/outflow/ingest/all"
)

// commonSource are the settings that all sources have.
var commonSource = []string{"name", "kind", "since", "zone", "date_order", "allow_networks"}

// UnmarshalYAML implements yaml.BytesUnmarshaler: the kind determines the other settings.
// A kind that is not known is left to validation.
func (s *Source) UnmarshalYAML(text []byte) error {
	var given map[string]any
	if err := yaml.Unmarshal(text, &given); err != nil {
		return err
	}
	common := commonSource
	if given["kind"] == "files" {
		common = append(slices.Clone(common), "paths")
	}
	type plain Source
	if err := decodeMap(split(given, common), (*plain)(s)); err != nil {
		return within("source", given, err)
	}
	if s.Kind == "files" {
		return within("source", given, decodeMap(others(given, common), &struct{}{}))
	}
	i := slices.IndexFunc(all.Kinds, func(k ingest.Kind) bool { return k.Name == s.Kind })
	if i < 0 {
		return nil
	}
	s.Api = all.Kinds[i].New()
	return within("source", given, decodeMap(others(given, common), s.Api))
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
		return within("channel", given, err)
	}
	if c.Kind == "file" {
		return within("channel", given, decodeMap(others(given, common), &struct{}{}))
	}
	i := slices.IndexFunc(channels.Kinds, func(k alert.Kind) bool { return k.Name == c.Kind })
	if i < 0 {
		return nil
	}
	c.Spec = channels.Kinds[i]
	c.settings = c.Spec.New()
	return within("channel", given, decodeMap(others(given, common), c.settings))
}

// within names the source or the channel that an error is about.
func within(what string, given map[string]any, err error) error {
	if err == nil || given["name"] == nil {
		return err
	}
	return fmt.Errorf("%s %v: %w", what, given["name"], err)
}

// split returns some keys of a mapping.
func split(given map[string]any, keys []string) map[string]any {
	taken := map[string]any{}
	for _, key := range keys {
		if v, set := given[key]; set {
			taken[key] = v
		}
	}
	return taken
}

// others returns the keys of a mapping but some.
func others(given map[string]any, keys []string) map[string]any {
	rest := maps.Clone(given)
	maps.DeleteFunc(rest, func(key string, _ any) bool { return slices.Contains(keys, key) })
	return rest
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
	if err == nil {
		return nil
	}
	text, _ := said(err) // the line is one of what was decoded here
	return errors.New(text)
}

// wrongType says which setting has a value of the wrong type.
func wrongType(e *yaml.TypeError) string {
	where := ""
	for t := e.Token; t != nil && where == ""; t = t.Prev {
		if t.Type == token.MappingValueType && t.Prev != nil {
			where = t.Prev.Value + ": "
		}
	}
	return fmt.Sprintf("%s%s is required, not %s", where, kindOf(e.DstType), kindOf(e.SrcType))
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
