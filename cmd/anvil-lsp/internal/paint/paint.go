// Package paint colours text for terminals.
package paint

import (
	"os"

	"github.com/fatih/color"
	"golang.org/x/term"
)

// Style paints text; the one that New(false) returns leaves it as it is.
type Style struct {
	Bold, Dim, Link, Red, Green, Yellow func(string) string
	on                                  bool
}

// To makes text a hyperlink (OSC 8), painted as links are. Terminals that know none show the text
// alone.
func (s Style) To(url, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b]8;;" + url + "\x1b\\" + s.Link(text) + "\x1b]8;;\x1b\\"
}

// New returns a Style with or without colour.
func New(on bool) Style {
	paint := func(attributes ...color.Attribute) func(string) string {
		c := color.New(attributes...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return func(s string) string {
			if s == "" {
				return ""
			}
			return c.Sprint(s)
		}
	}
	return Style{
		Bold: paint(color.Bold), Dim: paint(color.Faint), Link: paint(color.FgCyan),
		Red: paint(color.FgRed, color.Bold), Green: paint(color.FgGreen), Yellow: paint(color.FgYellow),
		on: on,
	}
}

// IsTerminal reports whether what is written to w is seen on a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Wanted reports whether to colour what is written to w: on a terminal that can, unless the user
// says no (https://no-color.org).
func Wanted(w any) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Width returns the columns of the terminal behind w, or 80.
func Width(w any) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}
