package view

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/text"
)

func TestRangesAt(t *testing.T) {
	const source = `package p

import "fmt"

func (a *app) home(w int,
	r string) error {
	site.Get("/", a.home) // ä
	return nil
}

var x = fmt.Sprint(1)
`
	m := text.NewMapper([]byte(source), text.UTF8)
	for _, tt := range []struct{ at, want string }{
		{"(w int", "(w int,"},                     // a list of parameters, on its first line
		{`site.Get("/"`, `site.Get("/", a.home)`}, // a call
		{`"/"`, `"/"`},                            // an argument
		{`"fmt"`, `"fmt"`},                        // an import
		{"home(w", "home"},                        // a name
		{"return nil", "return"},                  // a statement: its first word
		{"x = fmt", "x"},                          //
	} {
		at := strings.Index(source, tt.at)
		line, column := m.GoPosition(at)
		r := NewRanges(m).At(manifest.Position{Line: line, Column: column})
		if got := source[m.Offset(r.Start):m.Offset(r.End)]; got != tt.want {
			t.Errorf("%q: %q, want %q", tt.at, got, tt.want)
		}
	}
	for _, tt := range []struct {
		p    manifest.Position
		want string
	}{
		{manifest.Position{}, "package p"}, {manifest.Position{Line: 8}, "return nil"}, {manifest.Position{Line: 99, Column: 9}, ""},
		{manifest.Position{Line: 8, Column: 99}, ""},
	} {
		r := NewRanges(m).At(tt.p)
		if got := source[m.Offset(r.Start):m.Offset(r.End)]; got != tt.want {
			t.Errorf("%v: %q, want %q", tt.p, got, tt.want)
		}
	}
	broken := text.NewMapper([]byte("func ((("), text.UTF8)
	if r := NewRanges(broken).At(manifest.Position{Line: 1, Column: 6}); r.Start.Character != 5 || r.End.Character != 6 {
		t.Errorf("in a file that does not parse: %v", r)
	}
	if r := NewRanges(text.NewMapper(nil, text.UTF8)).At(manifest.Position{Line: 3, Column: 1}); r.End.Line != 0 {
		t.Errorf("in no file: %v", r)
	}
}
