// Package manifest describes what a generation registered, and compares two
// such descriptions.
//
// A Manifest is the contract between the code that is being edited and the
// process that is running: which routes exist, what their handlers look like,
// which keyed state is held. The live server produces it by reflection when a
// generation registers (the truth); Diff says what changed in a way that a hot
// swap cannot take.
//
// This package is the ground floor: it imports none of the project's others
// and nothing outside the standard library, because it is linked into users'
// programs.
package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// FormatVersion is the version of the JSON form of Manifest.
const FormatVersion = 1

// ErrFormat reports a manifest file that cannot be used: damaged, or written
// by another version of the format.
var ErrFormat = errors.New("unusable manifest")

// Manifest is what one generation registered.
type Manifest struct {
	Format     int       `json:"format"`
	ABI        int       `json:"abi"`
	Toolchain  string    `json:"toolchain"` // runtime.Version GOOS/GOARCH
	Generation int       `json:"generation"`
	Handlers   string    `json:"handlers"` // import path of the handlers package
	Routes     []Route   `json:"routes"`   // sorted by pattern, then method
	State      []State   `json:"state,omitempty"`
	Registered []string  `json:"registered,omitempty"` // names of registry entries, sorted
	Host       []Package `json:"host,omitempty"`       // host packages of the workspace, sorted
	Hot        []string  `json:"hot,omitempty"`        // import paths of hot packages, sorted
}

// Route is one registered route.
type Route struct {
	Method  string `json:"method"` // "*" where the route takes every method
	Pattern string `json:"pattern"`
	Handler string `json:"handler"` // the function's name as a person writes it: handlers.ShowPost
	Kind    string `json:"kind"`    // which of the accepted handler kinds
	// Signature is the handler's type as a person writes it.
	Signature string `json:"signature"`
	// Fingerprint identifies the Shape of Signature. Two routes with equal
	// fingerprints can be swapped for each other.
	Fingerprint string   `json:"fingerprint"`
	Position    Position `json:"position"` // of the registration
}

// State is one keyed value in the Container.
type State struct {
	Key         string `json:"key"`
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"`
}

// Package is a host package and the hash of what it was built from.
type Package struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
}

// Sort brings every list into its documented order.
func (m *Manifest) Sort() {
	slices.SortStableFunc(m.Routes, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	slices.SortFunc(m.State, func(a, b State) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(m.Host, func(a, b Package) int { return cmp.Compare(a.Path, b.Path) })
	slices.Sort(m.Registered)
	slices.Sort(m.Hot)
}

// Read returns the manifest in a file. The error wraps ErrFormat if the file
// is damaged or of another format version, and fs.ErrNotExist if there is none.
func Read(path string) (*Manifest, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrFormat, path, err)
	}
	if m.Format != FormatVersion {
		return nil, fmt.Errorf("%w %s: format %d, this version reads %d", ErrFormat, path, m.Format, FormatVersion)
	}
	return &m, nil
}

// Write replaces the manifest in a file, so that a reader sees the old or the
// new one and never a part.
func (m *Manifest) Write(path string) error {
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing manifest: %w", err)
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing manifest: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}
