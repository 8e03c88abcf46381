package manifest

import (
	"fmt"
	"regexp"
)

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
			return unescapePath(part)
		}
		return ""
	})
}
