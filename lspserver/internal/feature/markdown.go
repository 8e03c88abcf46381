package feature

import (
	"fmt"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// What is shown as Markdown is made of names that others chose: patterns,
// handlers, messages of panics. None of it may become a link, an image or any
// other markup.

// code makes text a code span.
func code(s string) string {
	s = visible.Line(strings.Join(strings.Fields(s), " "))
	fence := strings.Repeat("`", longestRun(s)+1)
	if len(fence) > 1 {
		return fence + " " + s + " " + fence
	}
	return fence + s + fence
}

// codeBlock makes text of one line a block of Go code.
func codeBlock(s string) string {
	s = visible.Line(s)
	fence := strings.Repeat("`", max(3, longestRun(s)+1))
	return fence + "go\n" + s + "\n" + fence
}

// longestRun returns how many back quotes stand together at most.
func longestRun(s string) (most int) {
	now := 0
	for _, r := range s {
		if r != '`' {
			now = 0
			continue
		}
		now++
		most = max(most, now)
	}
	return most
}

// escape makes text of one line mean itself. Some clients make links of bare
// addresses, too.
func escape(s string) string {
	s = visible.Line(strings.Join(strings.Fields(s), " "))
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("\\`*_{}[]<>#|~!&@", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return strings.NewReplacer("://", `\://`, "www.", `www\.`, "WWW.", `WWW\.`).Replace(b.String())
}

// linkTo makes a link of Markdown that is already there.
func linkTo(shown, address string) string { return "[" + shown + "](" + linkAddress(address) + ")" }

// linkAddress writes an address so that nothing in it ends the link.
func linkAddress(address string) string {
	var b strings.Builder
	for i := range len(address) {
		switch c := address[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/:?=%+,;$@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
