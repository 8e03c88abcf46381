package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fingerprint returns a short identification of a shape.
func Fingerprint(shape string) string {
	sum := sha256.Sum256([]byte(shape))
	return hex.EncodeToString(sum[:8])
}

// generationPrefix is what the builder puts before the import path of a hot
// package: anvil.g7/example.com/app/handlers.
var generationPrefix = regexp.MustCompile(`\banvil\.g([0-9]+)/`)

// StripGeneration removes generation prefixes from import paths, symbol names
// and type strings, so that a person sees the names from the source.
func StripGeneration(s string) string {
	if !strings.Contains(s, "anvil.g") { // nearly always, and much cheaper
		return s
	}
	return generationPrefix.ReplaceAllString(s, "")
}

// GenerationIn returns the number in the first generation prefix in a text, such as the
// dump of a goroutine; ok is false if there is none.
func GenerationIn(text []byte) (generation int, ok bool) {
	m := generationPrefix.FindSubmatch(text)
	if m == nil {
		return 0, false
	}
	generation, err := strconv.Atoi(string(m[1]))
	return generation, err == nil
}

// GenerationPath returns the import path under which a hot package is compiled
// for one generation.
func GenerationPath(generation int, importPath string) string {
	return fmt.Sprintf("anvil.g%d/%s", generation, importPath)
}

// Shapes computes the shape of types by reflection. It is safe for concurrent
// use.
type Shapes struct {
	hot []string // sorted import paths
}

// NewShapes returns a Shapes for a set of hot packages, given by the import
// paths in the source.
func NewShapes(hot []string) *Shapes {
	hot = slices.Clone(hot)
	slices.Sort(hot)
	return &Shapes{hot: hot}
}

// Hot reports whether an import path, with or without its generation prefix,
// is that of a hot package.
func (s *Shapes) Hot(importPath string) bool {
	_, ok := slices.BinarySearch(s.hot, StripGeneration(importPath))
	return ok
}

// Of returns the canonical structure of t. Types that a hot swap may exchange
// for each other have equal shapes.
func (s *Shapes) Of(t reflect.Type) string { return WriteShape(reflected{t}, s.Hot) }
