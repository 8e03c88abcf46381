// Package visible makes text of others fit to be shown: what would move the
// cursor, change the terminal, or have a line read otherwise than it is written,
// is shown as the escape that a Go string would have in its place.
//
// That is control characters (C0, DEL and C1), formatting characters such as
// those that turn the direction of writing or have no width, the separators of
// lines and paragraphs, and bytes that are no UTF-8, which some terminals take
// for C1. The joiners that several scripts and emoji need stay.
//
// Colours are put on afterwards: what comes from here has none.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rune reports whether a character is shown as itself. Line ends and tabs are
// not.
func Rune(r rune) bool {
	switch {
	case r < ' ':
		return false
	case r < 0x7f:
		return true
	case r == zeroWidthNonJoiner || r == zeroWidthJoiner:
		return true
	}
	return !unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) &&
		(!unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Prepended_Concatenation_Mark, r))
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// Line returns text that has to stay in one line.
func Line(s string) string { return escape(s, "") }

// Text returns text that may have several lines. Their ends and tabs stay.
func Text(s string) string {
	if strings.Contains(s, "\r\n") {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	return escape(s, "\n\t")
}

func escape(s, stays string) string {
	shown := func(i int, r rune) (int, bool) {
		size := utf8.RuneLen(r)
		if r == utf8.RuneError {
			if _, size = utf8.DecodeRuneInString(s[i:]); size == 1 {
				return size, false
			}
		}
		return size, Rune(r) || strings.ContainsRune(stays, r)
	}
	clean := true
	for i, r := range s {
		if _, ok := shown(i, r); !ok {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		size, ok := shown(i, r)
		switch {
		case ok:
			b.WriteString(s[i : i+size])
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n', r == '\r', r == '\t':
			b.WriteString(map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[r])
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}
