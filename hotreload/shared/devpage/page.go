// Package devpage writes the HTML page that a developer sees in the browser in place
// of the application's answer, and tells which requests may see it.
package devpage

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
)

// HeaderVersion marks an answer that comes from the engine or the live server, not
// from the application; its value is the version of what they would show. A
// page that is open asks with this header set to the version that it shows, and
// loads itself anew when the answer has another one. Such a request never
// reaches a handler.
const HeaderVersion = "X-Anvil-Front"

// HeaderDoing says what is being done while HeaderVersion stays the same, escaped
// as a path is: a page that is open shows it.
const HeaderDoing = "X-Anvil-Doing"

// Page is what a person sees in a browser in place of the application's answer.
type Page struct {
	Title   string
	Message string // below the title
	// Busy says that something is under way that the reader waits for, and Doing
	// what that is at the moment.
	Busy  bool
	Doing string
	// Problems are what is wrong, and Stack where it happened, innermost first.
	Problems []Problem
	Stack    []Frame
	// Version is what the page shows; see HeaderVersion. If it is empty the page does
	// not load itself anew.
	Version string
	Note    string // at the end: where the page comes from
}

// Problem is a finding with the source around it.
type Problem struct {
	Message string
	Where   string // the place as a person reads it, and the code
	Source  []SourceLine
	Detail  string
}

// SourceLine is a line of source.
type SourceLine struct {
	Number int
	Text   string
	Hit    bool // the line in question
}

// Excerpt returns lines first to last of a source text.
func Excerpt(text []byte, first, last, hit int) []SourceLine {
	var out []SourceLine
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n > last {
			break
		}
		if n >= first {
			out = append(out, SourceLine{Number: n, Text: strings.TrimRight(string(line), "\r\n"), Hit: n == hit})
		}
	}
	return out
}

// Frame is a call.
type Frame struct {
	Function string
	Where    string
	// Own is a call in the user's own code; others are folded.
	Own bool
}

// frameGroup is calls in a row that are all the user's own, or none.
type frameGroup struct {
	Own    bool
	Frames []Frame
}

// Calls returns the stack as the page shows it.
func (p Page) Calls() []frameGroup {
	var out []frameGroup
	for _, f := range p.Stack {
		if n := len(out); n == 0 || out[n-1].Own != f.Own {
			out = append(out, frameGroup{Own: f.Own})
		}
		last := &out[len(out)-1]
		last.Frames = append(last.Frames, f)
	}
	return out
}

//go:embed page.html
var pageText string

var pageTemplate = sync.OnceValues(func() (*template.Template, error) { return template.New("page").Parse(pageText) })

// Write writes the page as HTML.
func (p Page) Write(w io.Writer) error {
	t, err := pageTemplate()
	if err == nil {
		err = t.Execute(w, p)
	}
	if err != nil {
		return fmt.Errorf("writing a page: %w", err)
	}
	return nil
}
