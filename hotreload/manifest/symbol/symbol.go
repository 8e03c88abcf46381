// Package symbol translates between the names in the source and those that the builder,
// the compiler and package reflect make of them.
package symbol

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// generationPrefix is what the builder puts before the import path of a hot
// package: anvil.g7/example.com/app/handlers.
var generationPrefix = regexp.MustCompile(`\banvil\.g([0-9]+)/`)

// GenerationPath returns the import path under which a hot package is compiled
// for one generation.
func GenerationPath(generation int, importPath string) string {
	return fmt.Sprintf("anvil.g%d/%s", generation, importPath)
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

// StripGeneration removes generation prefixes from import paths, symbol names
// and type strings, so that a person sees the names from the source.
func StripGeneration(s string) string {
	if !strings.Contains(s, "anvil.g") { // nearly always, and much cheaper
		return s
	}
	return generationPrefix.ReplaceAllString(s, "")
}

// Unescape replaces the compiler's escapes, such as %2e for a dot in the last element
// of an import path.
func Unescape(name string) string {
	before, escaped, found := strings.Cut(name, "%")
	if !found || len(escaped) < 2 {
		return name
	}
	c, err := strconv.ParseUint(escaped[:2], 16, 8)
	if err != nil {
		return name
	}
	return before + string([]byte{byte(c)}) + Unescape(escaped[2:])
}

// nameParts finds what to change in the name of a type: import paths before
// package names, the compiler's escapes, and its numbers of local types. It also
// finds quoted strings, which are struct tags, so as to leave them alone.
var nameParts = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|\w[\w.~%+-]*/(?:[\w.~%+-]+/)*|%[0-9a-f]{2}|·[0-9]+`)

// NameOf returns a type, as reflect.Type.String writes it, as it stands in the source,
// with package names instead of import paths: that is how a Manifest names signatures
// and the types of state.
func NameOf(t fmt.Stringer) string {
	if t == nil {
		return "nil"
	}
	return nameParts.ReplaceAllStringFunc(t.String(), func(part string) string {
		switch part[0] {
		case '"':
			return part
		case '%':
			return Unescape(part)
		}
		return ""
	})
}
