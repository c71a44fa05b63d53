package report

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Manifest is the record of a report as it was made: a hash of the file and of each part, and an
// Ed25519 signature.
type Manifest struct {
	Version   int    `json:"version"`    // of the manifest: ManifestVersion
	File      string `json:"file"`       // name of the report's file
	Made      string `json:"made"`       // RFC 3339, UTC
	Bytes     int    `json:"bytes"`      // size of the file
	Hash      string `json:"sha256"`     // SHA-256 of the whole file, hexadecimal
	Parts     []Part `json:"parts"`      // in the order of the report; by key for JSON
	PublicKey string `json:"public_key"` // 64 hexadecimal digits
	Signature string `json:"signature"`  // hexadecimal, over the text signed returns
}

// Part is a part of a report. It serves to say what was changed: Manifest.Hash finds that something was.
type Part struct {
	Name string `json:"name"`   // as marked in the report, or the key in JSON
	Hash string `json:"sha256"` // SHA-256, hexadecimal
}

// ManifestVersion is the version of manifests. Those of version 1, which have no number, did not
// cover the whole file.
const ManifestVersion = 2

// The beginnings of parts in HTML and in Markdown. Escaped text cannot contain them.
var (
	markHTML     = regexp.MustCompile(` data-part="([a-z]+)"`)
	markMarkdown = regexp.MustCompile(`<!-- part: ([a-z]+) -->`)
)

// parts splits a report at its marks, or at the keys of JSON; anything else is one part.
func parts(b []byte) (list []Part) {
	add := func(name string, content []byte) { list = append(list, Part{name, digest(content)}) }

	var keys map[string]json.RawMessage
	if json.Unmarshal(b, &keys) == nil {
		names := make([]string, 0, len(keys))
		for k := range keys {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			var compact bytes.Buffer
			if json.Compact(&compact, keys[k]) == nil {
				add(k, compact.Bytes())
			}
		}
		return list
	}

	var marks [][]int
	switch {
	case bytes.HasPrefix(b, []byte("<!doctype html>")):
		marks = markHTML.FindAllSubmatchIndex(b, -1)
	case bytes.HasPrefix(b, []byte("<!-- part:")):
		marks = markMarkdown.FindAllSubmatchIndex(b, -1)
	}

	name, from := "head", 0
	for _, at := range marks {
		add(name, b[from:at[0]])
		from, name = at[1], string(b[at[2]:at[3]])
	}

	add(name, b[from:])
	return list
}

// digest returns the SHA-256 of a text, hexadecimal.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// signed returns the text that the signature covers: all other fields, and what it is for.
func (m *Manifest) signed() ([]byte, error) {
	bare := *m
	bare.Signature = ""
	b, err := json.Marshal(&bare)
	return append([]byte("outflow report manifest\n"), b...), err
}

// write returns the manifest as it is stored. Verify accepts no other spelling.
func (m *Manifest) write() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	return append(b, '\n'), err
}

// Sign returns the manifest of a report as it is stored beside it. File is the name of the report's file.
func Sign(file string, content []byte, key ed25519.PrivateKey, now time.Time) ([]byte, error) {
	m := Manifest{
		Version:   ManifestVersion,
		File:      file,
		Made:      now.UTC().Format(time.RFC3339),
		Bytes:     len(content),
		Hash:      digest(content),
		Parts:     parts(content),
		PublicKey: hex.EncodeToString(key.Public().(ed25519.PublicKey)),
	}
	text, err := m.signed()
	if err != nil {
		return nil, err
	}
	m.Signature = hex.EncodeToString(ed25519.Sign(key, text))
	return m.write()
}

// Verify checks a report, with the name of its file, against the manifest as it is stored beside it.
// Public is the key that must have signed, 64 hexadecimal digits: the key that the manifest states
// proves nothing, since who changes the report can sign it anew. The error names what was changed.
func Verify(file string, content, manifest []byte, public string) (*Manifest, error) {
	m, err := readManifest(manifest)
	if err != nil {
		return nil, err
	}
	if m.PublicKey != public {
		return nil, fmt.Errorf("it was signed with another key: %s", m.PublicKey)
	}
	key, err := hex.DecodeString(public)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, errors.New("the key is not one of 64 hexadecimal digits")
	}
	text, err := m.signed()
	if err != nil {
		return nil, err
	}
	signature, err := hex.DecodeString(m.Signature)
	if err != nil || !ed25519.Verify(key, text, signature) {
		return nil, errors.New("the manifest was changed: its signature is invalid")
	}
	if m.File != file {
		return nil, fmt.Errorf("the manifest is that of %q, not of %q: give the file its name back", m.File, file)
	}
	return m, m.compare(content)
}

// readManifest decodes a manifest. Another spelling than that of write is an error: with a key that occurs
// twice, or that is unknown, programs may disagree about what is stated.
func readManifest(b []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, errors.New("the manifest is not JSON")
	}
	if m.Version != ManifestVersion {
		return nil, fmt.Errorf("the manifest has version %d, not %d: write the report again", max(m.Version, 1), ManifestVersion)
	}
	again, err := m.write()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("the manifest was changed: it is not spelled as Outflow writes it")
	}
	return &m, nil
}

// compare checks a report against the hashes. The error names the first part that was changed, added or removed.
func (m *Manifest) compare(content []byte) error {
	if len(content) == m.Bytes && digest(content) == m.Hash {
		return nil
	}
	have := parts(content)
	for i := range max(len(have), len(m.Parts)) {
		switch {
		case i >= len(have):
			return fmt.Errorf("the part %q was removed", m.Parts[i].Name)
		case i >= len(m.Parts):
			return fmt.Errorf("the part %q was added", have[i].Name)
		case have[i] != m.Parts[i]:
			return fmt.Errorf("the part %q was changed", cmp.Or(m.Parts[i].Name, have[i].Name))
		}
	}
	return errors.New("the file was changed outside of its parts: a key that occurs twice, their order, or white space")
}
