package source

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestLineDirectives: whatever //line says, we point at the file that there is.
func TestLineDirectives(t *testing.T) {
	const src = `package handlers

import "github.com/anvilforge/anvil-lsp/hotreload"

var count int

//line yaccpar:1
func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/", home)
	r.Get("/", home)
	r.Get("/once", /*line /gone/other.y:70:9*/ home)
}

//line page.qtpl:10
func home(*hotreload.Ctx) error {
	count++
	return nil
}
//line ../page.qtpl:40
BROKEN`
	for _, test := range []struct {
		broken string
		want   []string // code and line
	}{
		{"", []string{"ANV007 5", "ANV004 10"}},
		{"var x int = home", []string{"ANV007 5", "ANV004 10", "ANV009 20"}},
		{"func (", []string{"ANV007 5", "ANV004 10", "ANV009 20"}},
	} {
		a := &txtar.Archive{Files: []txtar.File{{Name: "handlers/routes.go", Data: []byte(strings.Replace(src, "BROKEN", test.broken, 1))}}}
		r := checkArchive(t, a)
		var got []string
		places := []manifest.Position{}
		for _, d := range r.Findings {
			got = append(got, strings.TrimSuffix(string(d.Code)+" "+strings.Split(d.Position.String(), ":")[1], ":"))
			places = append(places, d.Position)
			for _, rel := range d.Related {
				places = append(places, rel.Position)
			}
		}
		for _, route := range r.Routes {
			places = append(places, route.Position, route.HandlerPosition, route.SignaturePosition)
		}
		for _, p := range places {
			if p.File != filepath.Join(root, "handlers/routes.go") {
				t.Errorf("%q: %v is no place in the source", test.broken, p)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q: %v", test.broken, got, test.want, r.Findings)
		}
	}
}
