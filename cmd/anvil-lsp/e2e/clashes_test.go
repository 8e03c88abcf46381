package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// clashing are changes after which the new code would take equal things for
// different ones. check is an expression that is true in a program that has all
// its code from the beginning.
var clashing = []struct{ name, check, clash string }{
	{"type switch", `func() bool { switch kinds.Named["a"].(type) { case kinds.A: return true }; return false }()`, "kinds.A as fmt.Stringer"},
	{"assertion", `func() bool { _, ok := kinds.Named["b"].(*kinds.B); return ok }()`, "*kinds.B as fmt.Stringer"},
	{"equal", `kinds.Named["c"] == fmt.Stringer(kinds.TheC)`, "*kinds.C as fmt.Stringer"},
	{"map key", `kinds.Keys[kinds.D("x")]`, "kinds.D as fmt.Stringer"},
	{"errors.Is", `errors.Is(kinds.Failures["e"], kinds.TheE)`, "*kinds.E as error"},
	{"errors.AsType", `func() bool { _, ok := errors.AsType[*kinds.F](kinds.Failures["f"]); return ok }()`, "*kinds.F as error"},
	{"generic type", `func() bool { _, ok := kinds.Named["g"].(kinds.G[int]); return ok }()`, "kinds.G[int] as fmt.Stringer"},
	{"interface of the user's", `func() bool { _, ok := kinds.Shapes["h"].(kinds.H); return ok }()`, "kinds.H as kinds.Shape"},
	{"type of a hot package that stays", `func() bool { _, ok := kinds.Named["tag"].(tags.Tag); return ok }()`, "tags.Tag as fmt.Stringer"},
	{"while initialising", `atStart`, "*kinds.P as fmt.Stringer"},
	{"map that reflection made", `func() bool { _, ok := kinds.Made["map"].(map[string]kinds.A); return ok }()`, "map[string]kinds.A"},
	{"slice that reflection made", `func() bool { _, ok := kinds.Made["slice"].([]kinds.B); return ok }()`, "[]kinds.B"},
	{"array that reflection made", `func() bool { _, ok := kinds.Made["array"].([7]int8); return ok }()`, "[7]int8"},
	{"channel that reflection made", `func() bool { _, ok := kinds.Made["chan"].(chan kinds.C); return ok }()`, "chan kinds.C"},
	{"function that reflection made", `func() bool { _, ok := kinds.Made["func"].(func(kinds.D) int8); return ok }()`, "func(kinds.D) int8"},
	{"struct that reflection made", `func() bool { _, ok := kinds.Made["struct"].(struct { Level kinds.A; Tag string }); return ok }()`, "struct { Level kinds.A; Tag string }"},
	{"pointer that reflection made", `func() bool { _, ok := kinds.Made["pointer"].(**kinds.E); return ok }()`, "**kinds.E"},
}

// newCode is handlers/new.go with checks, and with a case for the error that is
// thrown.
func newCode(checks []string, status string) string {
	start := ""
	if strings.Contains(strings.Join(checks, ""), "atStart") {
		start = "var atStart = len(kinds.Named) == 0 || kinds.Named[\"p\"].(*kinds.P) != nil\n"
	}
	return "package handlers\n\nimport (\n\t\"errors\"\n\t\"fmt\"\n\n\t\"example.com/hello/handlers/tags\"\n\t\"example.com/hello/httperr\"\n\t\"example.com/hello/kinds\"\n)\n\n" +
		"var _, _, _, _, _ = errors.New, fmt.Sprint, tags.Tag(\"\"), httperr.Abort, kinds.Made\n\n" + start +
		"func check() []bool { return []bool{" + strings.Join(checks, ", ") + "} }\n\n" +
		"func statusOf(err error) int {\n\tswitch err.(type) {\n" + status + "\t}\n\treturn 500\n}\n"
}

// TestClashes: code that would go wrong in the process that runs is found before
// it serves, however it is linked, and is right after a restart.
func TestClashes(t *testing.T) {
	for _, link := range []string{"thin", "full"} {
		t.Run(link, func(t *testing.T) { testClashes(t, link) })
	}
}

func testClashes(t *testing.T, link string) {
	dir := harness.CopyApp(t, "hello")
	args := []string{"--on-break", "keep"}
	if link == "full" {
		args = append(args, "--full-link")
	}
	s := &harness.Server{T: t, Dir: dir} // to write files
	archive, err := txtar.ParseFile("testdata/clashes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		s.Save(f.Name, string(f.Data))
	}
	const file = "handlers/new.go"
	s.Save(file, newCode(nil, ""))
	s.Edit("main.go", `"example.com/hello/visits"`, "\"example.com/hello/visits\"\n\t_ \"example.com/hello/httperr\"\n\t_ \"example.com/hello/kinds\"")
	s.Edit("handlers/handlers.go", `r.Get("/time", now)`, "r.Get(\"/time\", now)\n\tregisterClashes(r)")
	s = harness.Start(t, dir, args...)
	if got := strings.TrimSpace(s.Get("/make")); got != "8 2 1 7" {
		t.Fatalf("the old code made %s", got)
	}
	if status, body := s.Try("/abort"); status != http.StatusInternalServerError || !strings.Contains(body, "gone") {
		t.Fatalf("/abort: %d %s", status, body)
	}
	refused := func(name, code, clash string) {
		t.Helper()
		s.Save(file, code)
		ev := s.WaitFor(name, func(ev control.Event) bool {
			return ev.Kind == control.EventKept || ev.Kind == control.EventLive || ev.Kind == control.EventExited
		})
		ds := ev.Diagnostics
		if ev.Kind != control.EventKept || len(ds) != 1 || ds[0].Code != manifest.CodeClash || ds[0].Detail != clash || !strings.HasPrefix(ds[0].Message, clash+": ") {
			t.Errorf("%s: %s %s %+v", name, ev.Kind, ev.Message, ds)
		}
		if ev.Predicted != nil {
			t.Errorf("%s: it counts as a prediction: %+v", name, ev.Predicted)
		}
	}
	const thrown = "\tcase *httperr.Error:\n\t\treturn 404\n"
	refused("an error that is thrown", newCode(nil, thrown), "*httperr.Error as error")
	var all []string
	for i, c := range clashing {
		if link == "full" && i%4 != 0 {
			continue // a full link takes seconds, and what is compared is the same
		}
		refused(c.name, newCode([]string{c.check}, ""), c.clash)
		all = append(all, c.check)
	}

	// What has nothing of it is swapped in, and then it is as before.
	s.Save(file, newCode([]string{"true"}, ""))
	if ev := s.Wait(control.EventLive); ev.Rung != manifest.RungHotSwap || linked(ev)[:4] != link {
		t.Errorf("%s, linked %s", ev.Rung, linked(ev))
	}
	if got := s.Get("/check"); !strings.Contains(got, "[true]") {
		t.Errorf("got %s", got)
	}
	refused("once more, after another generation", newCode([]string{clashing[0].check}, ""), clashing[0].clash)
	s.Save(file, newCode(all, thrown))
	s.Wait(control.EventKept)
	var ev control.Event
	if err := s.Control().Post(t.Context(), control.PathRestart, struct{}{}, &ev); err != nil || ev.Kind != control.EventLive {
		t.Fatalf("restart: %v %+v", err, ev)
	}
	s.Get("/make")
	if got, want := strings.TrimSpace(s.Get("/check")), "checked: ["+strings.TrimSpace(strings.Repeat("true ", len(all)))+"]"; got != want {
		t.Errorf("after the restart: got %s, want %s", got, want)
	}
	if status, body := s.Try("/abort"); status != http.StatusNotFound {
		t.Errorf("/abort after the restart: %d %s", status, body)
	}
	// The process has it all now: the same code is swapped.
	s.Edit(file, "return 404", fmt.Sprint("return ", http.StatusGone))
	if ev := s.WaitFor("the last generation", func(ev control.Event) bool { return ev.Kind == control.EventLive && ev.Rung == manifest.RungHotSwap }); len(ev.Diagnostics) > 0 {
		t.Errorf("got %v", ev.Diagnostics)
	}
	if status, body := s.Try("/abort"); status != http.StatusGone {
		t.Errorf("/abort after the swap: %d %s", status, body)
	}
}
