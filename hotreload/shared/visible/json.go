package visible

import (
	"fmt"
	"io"
	"strings"
)

// JSON returns a writer for JSON, which may end up on a terminal, too. What is not
// fit to be shown can only stand in strings, and is written as the escape that
// means the same there. Each write has to hold whole characters, as those of an
// encoder do.
func JSON(w io.Writer) io.Writer { return jsonWriter{w} }

type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(p []byte) (int, error) {
	text := string(p)
	hidden := func(r rune) bool { return r >= 0x7f && !Rune(r) }
	if strings.IndexFunc(text, hidden) < 0 {
		return j.w.Write(p)
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if _, err := io.WriteString(j.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
