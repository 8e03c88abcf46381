package console

import (
	"strings"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

const (
	// maxColumns is how much of a source line is shown.
	maxColumns = 120
	tab        = "    "
)

// sourceLine returns the line of a position, with tabs expanded, and the column, from 0, to put a
// caret under; -1 if the position has none. Not ok if there is no such line (any more), or it is
// not to be shown.
func (c *Console) sourceLine(p manifest.Position) (text string, caret int, ok bool) {
	if c.o.Source == nil || p.File == "" {
		return "", 0, false
	}
	data, err := c.o.Source(p.File)
	if err != nil {
		return "", 0, false
	}
	line, ok := p.LineOf(data)
	if !ok {
		return "", 0, false
	}
	text, caret = layOut(string(line), p.Column)
	return text, caret, strings.TrimSpace(text) != ""
}

// layOut prepares a source line for the screen. Column counts bytes from 1; 0 means none.
func layOut(line string, column int) (text string, caret int) {
	caret = -1
	if column > 0 {
		before := line[:min(column-1, len(line))]
		caret = utf8.RuneCountInString(expandTabs(before))
	}
	runes := []rune(expandTabs(line))
	if len(runes) <= maxColumns {
		return printable(runes), caret
	}
	// A generated or minified line: show the part around the column.
	from := max(0, min(caret-maxColumns/2, len(runes)-maxColumns))
	part := printable(runes[from:min(from+maxColumns, len(runes))])
	if from > 0 {
		part = "…" + part
		caret += 1 - from
	}
	return part + "…", caret
}

// printable replaces what would move the cursor or change the terminal. It has as many characters
// as before, so that carets stand where they belong.
func printable(runes []rune) string {
	return strings.Map(func(r rune) rune {
		if !visible.Rune(r) {
			return '·'
		}
		return r
	}, string(runes))
}

// expandTabs replaces tabs, so that carets stand where they belong whatever the terminal's tab
// stops.
func expandTabs(s string) string { return strings.ReplaceAll(s, "\t", tab) }

// stackTop returns the first frames of a stack, from the one at the given position on; if that is
// not among them, from the top. What is below the functions that call handlers says nothing about
// the user's code.
func stackTop(stack []manifest.Frame, at manifest.Position, most int) []manifest.Frame {
	var frames []manifest.Frame
	for _, f := range stack {
		if f.InRuntime() && len(frames) > 0 {
			break
		}
		if f.File == at.File && f.Line == at.Line {
			frames = frames[:0]
		}
		frames = append(frames, f)
	}
	return frames[:min(most, len(frames))]
}
