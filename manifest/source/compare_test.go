package source

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

const compared = `package handlers

import (
	"net/http"
	"os"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

type In struct {
	ID   int    ` + "`path:\"id\"`" + `
	Note string
}

type Out struct{ Text string }

type draft struct{ Title string }

func show(c *hotreload.Ctx, in In) (Out, error) { return Out{}, nil }

func plain(w http.ResponseWriter, r *http.Request) {}

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/show/{id}", show)
	r.Get("/plain", plain)
	r.Mount("/static", http.NotFoundHandler())
	hotreload.StateOf(r.Container(), "drafts", func() map[string]draft { return nil })
	if os.Getenv("X") != "" {
		r.Get("/cond", plain)
	} else {
		r.Get("/cond", show)
	}
}
`

// live is the manifest of a generation with the routes of a report.
func live(r *Report, hot []string) *manifest.Manifest {
	m := &manifest.Manifest{Hot: hot}
	for _, route := range r.Routes {
		m.Routes = slices.DeleteFunc(m.Routes, func(other manifest.Route) bool { // the other branch
			return other.Method == route.Method && other.Pattern == route.Pattern
		})
		route.Position.Column = 0
		m.Routes = append(m.Routes, route.Route)
	}
	for _, s := range r.State {
		m.State = append(m.State, s.State)
	}
	return m
}

// TestCompare makes edits and looks at what is said of them.
func TestCompare(t *testing.T) {
	hot := []string{"example.com/handlers"}
	for _, test := range []struct {
		name string
		edit [2]string
		want string // findings and their related positions, a line each
	}{
		{"body", [2]string{"return Out{}, nil", "return Out{Text: \"x\"}, nil"}, ""},
		{"renamed type", [2]string{"In", "Input"}, ""},
		{"unused field type", [2]string{"type draft struct", "type unused struct{ A int }\n\ntype draft struct"}, ""},
		{"new field", [2]string{"Note string\n", "Note string\n\tPage int\n"},
			"warning 20:10 signature of GET /cond changed (input gets field Page) [ANV001]\n" +
				"\t20:10 handlers.show: parameter 2: field Page is new\n\t32:5 registered here\n\t31 registered here in the live generation\n" +
				"warning 20:10 signature of GET /show/{id} changed (input gets field Page) [ANV001]\n" +
				"\t20:10 handlers.show: parameter 2: field Page is new\n\t25:4 registered here\n\t24 registered here in the live generation\n"},
		{"other kind", [2]string{"func plain(w http.ResponseWriter, r *http.Request) {}", "func plain(c *hotreload.Ctx) error { return nil }"},
			"warning 21:11 signature of GET /plain changed (now func(*Ctx) error) [ANV001]\n" +
				"\t21:11 handlers.plain was func(http.ResponseWriter, *http.Request) and is func(*hotreload.Ctx) error\n\t25:4 registered here\n"},
		{"error result", [2]string{"func plain(w http.ResponseWriter, r *http.Request) {}", "func plain(w http.ResponseWriter, r *http.Request) error { return nil }"},
			"warning 21:11 signature of GET /plain changed (+ error result) [ANV001]\n" +
				"\t21:11 handlers.plain was func(http.ResponseWriter, *http.Request) and is func(http.ResponseWriter, *http.Request) error\n\t25:4 registered here\n"},
		{"other result", [2]string{"r.Get(\"/show/{id}\", show)", "r.Get(\"/show/{id}\", func(c *hotreload.Ctx, in In) (*Out, error) { return nil, nil })"},
			"warning 24:26 signature of GET /show/{id} changed (another result) [ANV001]\n" +
				"\t24:26 handlers.AnvilRegisterRoutes.func1 was func(*hotreload.Ctx, handlers.In) (handlers.Out, error) " +
				"and is func(*hotreload.Ctx, handlers.In) (*handlers.Out, error)\n\t24:4 registered here\n"},
		{"moved", [2]string{"\tr.Get(\"/plain\", plain)\n", "\n\n\tr.Get(\"/plain\", func(c *hotreload.Ctx) error { return nil })\n"},
			"warning 27:22 signature of GET /plain changed (now func(*Ctx) error) [ANV001]\n" +
				"\t27:22 handlers.AnvilRegisterRoutes.func1 was func(http.ResponseWriter, *http.Request) and is func(*hotreload.Ctx) error\n" +
				"\t27:4 registered here\n\t25 registered here in the live generation\n"},
		{"other pattern", [2]string{"\"/plain\", plain", "\"/plain2\", func(c *hotreload.Ctx) error { return nil }"}, ""},
		{"handler of a mount", [2]string{"http.NotFoundHandler()", "http.FileServer(nil)"}, ""},
		{"state field", [2]string{"struct{ Title string }", "struct{ Title string; Tags []string }"},
			"information 27:12 state \"drafts\" is migrated (field Tags is new) [ANV005]\n" +
				"\t27:12 the structure of its type map[string]handlers.draft changed: field Tags is new\n"},
		{"state field gone", [2]string{"struct{ Title string }", "struct{ Name string }"},
			"warning 27:12 state \"drafts\" drops values (field Title is gone) [ANV005]\n" +
				"\t27:12 the structure of its type map[string]handlers.draft changed: field Name is new, field Title is gone\n"},
		{"state type", [2]string{"map[string]draft", "map[int]draft"},
			"warning 27:12 state \"drafts\" drops values (now map[int]handlers.draft) [ANV005]\n" +
				"\t27:12 its type map[string]handlers.draft is map[int]handlers.draft now\n"},
		{"state gone", [2]string{"hotreload.StateOf", "_ = hotreload.Lookup[int]; var _ = hotreload.StateOf[int]; func(c *hotreload.Container, s string, f func() map[string]draft) {}"}, ""},
		{"conditional, one of two", [2]string{"r.Get(\"/cond\", plain)", "r.Get(\"/cond\", http.NotFoundHandler())"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := live(checkArchive(t, handlersOnly(compared)), hot)
			edited := strings.ReplaceAll(compared, test.edit[0], test.edit[1])
			if edited == compared {
				t.Fatal("the edit changes nothing")
			}
			r := checkArchive(t, handlersOnly(edited))
			if !r.Complete {
				t.Fatalf("the edit does not compile: %v", r.Findings)
			}
			var b strings.Builder
			for _, d := range Compare(before, r, hot) {
				if shown := d.PredictedMessage(manifest.RungWarmRestart, manifest.RestartsOnSave); utf8.RuneCountInString(shown) > 80 {
					t.Errorf("wider than 80 columns: %s", shown)
				}
				fmt.Fprintf(&b, "%s %d:%d %s [%s]\n", d.Severity, d.Line, d.Column, d.Message, d.Code)
				for _, rel := range d.Related {
					fmt.Fprintf(&b, "\t%s %s\n", strings.TrimPrefix(rel.Position.String(), root+"/handlers/routes.go:"), rel.Message)
				}
			}
			if got := b.String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestCompareBoundary: a package on the other side of the boundary changes the
// shapes of its types.
func TestCompareBoundary(t *testing.T) {
	a := handlersOnly(compared)
	p, overlay := archived(t, a)
	c := NewChecker(p)
	r, err := c.Check(t.Context(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	before := live(r, nil)
	for i := range before.Routes {
		before.Routes[i].Fingerprint, before.Routes[i].Shape = "another", ""
	}
	found := Compare(before, r, p.HotPackages())
	if len(found) == 0 || !strings.Contains(found[0].Related[0].Message, "package example.com/handlers is a hot package now") {
		t.Errorf("got %v", found)
	}
}
