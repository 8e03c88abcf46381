// Package manifest describes what a generation registered, and compares two
// such descriptions.
//
// A Manifest is the contract between the code that is being edited and the
// process that is running: which routes exist, what their handlers look like,
// which keyed state is held. The live server produces it by reflection when a
// generation registers (the truth), and package source predicts it from source;
// Diff says in what two of them differ.
//
// This package and those below it are the ground floor, because they are linked
// into users' programs. They import nothing outside the standard library, but for
// chi, on whose router package rules tries patterns.
package manifest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// FormatVersion is the version of the JSON form of Manifest.
const FormatVersion = 1

// ErrFormat reports a manifest file that cannot be used: damaged, or written
// by another version of the format.
var ErrFormat = errors.New("unusable manifest")

// Manifest is what one generation registered.
type Manifest struct {
	Format     int      `json:"format"`
	ABI        int      `json:"abi"`
	Toolchain  string   `json:"toolchain"` // runtime.Version GOOS/GOARCH
	Generation int      `json:"generation"`
	Handlers   string   `json:"handlers"` // import path of the handlers package
	Routes     []Route  `json:"routes"`   // sorted by pattern, then method
	State      []State  `json:"state,omitempty"`
	Registered []string `json:"registered,omitempty"` // names of registry entries, sorted
	// Host are the host packages of the workspace and of modules that are replaced by a
	// directory, sorted.
	Host []Package `json:"host,omitempty"`
	Hot  []string  `json:"hot,omitempty"` // import paths of hot packages, sorted
	// Modules are the modules that host packages come from, with version,
	// language version and replacement, sorted; none if they were not recorded.
	Modules []string `json:"modules,omitempty"`
	GODEBUG string   `json:"godebug,omitempty"` // defaults of the executable
}

// Route is one registered route.
type Route struct {
	Method  string `json:"method"` // "*" where the route takes every method
	Pattern string `json:"pattern"`
	// Mount says that the handler answers for everything below the pattern. A
	// Mount may stand beside a route for every method at the same pattern.
	Mount   bool   `json:"mount,omitempty"`
	Handler string `json:"handler"` // the function's name as a person writes it: handlers.ShowPost
	Kind    string `json:"kind"`    // which of the accepted handler kinds
	// Signature is the handler's type as a person writes it.
	Signature string `json:"signature"`
	// Fingerprint identifies the Shape of Signature. Two routes with equal
	// fingerprints can be swapped for each other.
	Fingerprint string `json:"fingerprint"`
	// Shape is the text that Fingerprint stands for, so that a difference can be
	// described; empty if it is not known.
	Shape    string   `json:"shape,omitempty"`
	Position Position `json:"position"` // of the registration
}

// RouteKey tells the routes of a generation apart.
type RouteKey struct {
	Method, Pattern string
	Mount           bool
}

// Key returns what tells the route from others of its generation.
func (r *Route) Key() RouteKey { return RouteKey{r.Method, r.Pattern, r.Mount} }

// Compare orders routes as a manifest has them: by pattern, then by method.
func (k RouteKey) Compare(other RouteKey) int {
	mounts := func(k RouteKey) int {
		if k.Mount {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(k.Pattern, other.Pattern), cmp.Compare(k.Method, other.Method), mounts(k)-mounts(other))
}

// State is one keyed value in the Container.
type State struct {
	Key         string `json:"key"`
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"`
	// Shape is the text that Fingerprint stands for; empty if it is not known.
	Shape string `json:"shape,omitempty"`
}

// Package is a host package and the hash of what it was built from.
type Package struct {
	Path string `json:"path"`
	Hash string `json:"hash"`
}

// Sort brings every list into its documented order.
func (m *Manifest) Sort() {
	slices.SortStableFunc(m.Routes, func(a, b Route) int { return a.Key().Compare(b.Key()) })
	slices.SortFunc(m.State, func(a, b State) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(m.Host, func(a, b Package) int { return cmp.Compare(a.Path, b.Path) })
	slices.Sort(m.Registered)
	slices.Sort(m.Hot)
	slices.Sort(m.Modules)
}

// Decode returns the manifest that a file holds. The name of the file is for the
// error, which wraps ErrFormat: the file is damaged, or of another format
// version.
func Decode(file string, data []byte) (*Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrFormat, file, err)
	}
	if m.Format != FormatVersion {
		return nil, fmt.Errorf("%w %s: format %d, this version reads %d", ErrFormat, file, m.Format, FormatVersion)
	}
	return &m, nil
}

// Encode returns what a file holds that Decode reads.
func (m *Manifest) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("writing manifest: %w", err)
	}
	return append(data, '\n'), nil
}
