package visible

import "strings"

// Shell returns text as one word of a command line that a person may paste into
// a shell: in quotes, unless it needs none. What cannot be shown is escaped as
// [Line] does it, and so is not the same any more; nothing of it can be taken for
// another word or another command.
func Shell(s string) string {
	s = Line(s)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("%+,-./:=@_", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
