package build

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestPackagesThatComeBack: a package that the program does not import for a while is
// still in the process, as it was.
func TestPackagesThatComeBack(t *testing.T) {
	const (
		chi    = "package handlers\n\nimport \"github.com/go-chi/chi/v5/middleware\"\n\nvar _ = middleware."
		native = "package handlers\n\nimport \"example.com/app/native\"\n\nvar _ = native.One()\n"
		code   = "package native\n\n// static int one(void) { return 1; }\nimport \"C\"\n\nfunc One() int { return int(C.one()) }\n"
		sums   = `github.com/go-chi/chi/v5 v5.0.12 h1:9euLV5sTrTNTRUU9POmDUvfxyj6LAABLUcEWO+JJb4s=
github.com/go-chi/chi/v5 v5.0.12/go.mod h1:DslCQbL2OYiznFReuXYUmQ2hGd1aDpCnlMNITLSKoi8=
github.com/go-chi/chi/v5 v5.5.0 h1:xdKQ1dJmVJsmgahrXSKhUx8NyVPzpwdlyrrQFpMPJgg=
github.com/go-chi/chi/v5 v5.5.0/go.mod h1:d1IG7GtKPSjPyBP365PH8sAGVHk3qfB/IhjFNRH1wWM=
`
	)
	for _, tt := range []struct {
		name   string
		linked bool                  // into the executable; else a plugin brings it
		with   func(a *app) []string // imports it
		again  func(a *app) []string // imports it once more
		rung   manifest.Rung         // of that
		code   manifest.Code         // why
	}{
		{"module in another version, linked", true, func(a *app) []string { return []string{a.write("handlers/with.go", chi+"RealIP\n")} },
			func(a *app) []string {
				return []string{a.edit("go.mod", "chi/v5 v5.0.12", "chi/v5 v5.5.0"), a.write("handlers/with.go", chi+"ClientIPFromXFF\n")}
			}, manifest.RungWarmRestart, manifest.CodeModuleChanged},
		{"module in another version, brought", false, func(a *app) []string { return []string{a.write("handlers/with.go", chi+"RealIP\n")} },
			func(a *app) []string {
				return []string{a.edit("go.mod", "chi/v5 v5.0.12", "chi/v5 v5.5.0"), a.write("handlers/with.go", chi+"ClientIPFromXFF\n")}
			}, manifest.RungWarmRestart, manifest.CodeModuleChanged},
		{"module in the same version", true, func(a *app) []string { return []string{a.write("handlers/with.go", chi+"RealIP\n")} },
			func(a *app) []string { return []string{a.write("handlers/with.go", chi+"NoCache\n")} }, manifest.RungHotSwap, ""},
		{"edited, linked", true, func(a *app) []string { return []string{a.write("handlers/with.go", native)} },
			func(a *app) []string {
				return []string{a.edit("native/native.go", "return 1", "return 2"), a.write("handlers/with.go", native)}
			}, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"edited, brought", false, func(a *app) []string { return []string{a.write("handlers/with.go", native)} },
			func(a *app) []string {
				return []string{a.edit("native/native.go", "return 1", "return 2"), a.write("handlers/with.go", native)}
			}, manifest.RungWarmRestart, manifest.CodeHostChanged},
		{"not edited", false, func(a *app) []string { return []string{a.write("handlers/with.go", native)} },
			func(a *app) []string { return []string{a.write("handlers/with.go", native)} }, manifest.RungHotSwap, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, "app.txtar")
			a.write("go.sum", sums)
			a.edit("go.mod", "\nreplace ", "\nrequire github.com/go-chi/chi/v5 v5.0.12\n\nreplace ")
			a.write("native/native.go", code)
			if tt.linked {
				tt.with(a)
			}
			a.start(a.host().Path)
			if !tt.linked {
				a.swap(tt.with(a)...)
			}
			a.swap(a.write("handlers/with.go", "package handlers\n"))
			plan := a.plan(tt.again(a)...)
			if plan.Rung != tt.rung {
				t.Fatalf("%s, want %s: %v", plan.Rung, tt.rung, plan.Reasons)
			}
			var codes []string
			for _, d := range plan.Reasons {
				codes = append(codes, string(d.Code))
			}
			if got := strings.Join(codes, " "); got != string(tt.code) {
				t.Errorf("reasons %v, want %s", plan.Reasons, tt.code)
			}
		})
	}
}

// TestRefused: what a plugin has brought that is not served is in the process, too.
func TestRefused(t *testing.T) {
	a := newApp(t, "app.txtar")
	native := func(n string) string {
		return a.write("native/native.go", "package native\n\n// static int one(void) { return "+n+"; }\nimport \"C\"\n\nfunc One() int { return int(C.one()) }\n")
	}
	imports := a.write("handlers/with.go", "package handlers\n")
	native("1")
	a.start(a.host().Path)
	served := a.snap
	a.write("handlers/with.go", "package handlers\n\nimport \"example.com/app/native\"\n\nvar _ = native.One()\n")
	res, _ := a.swap(imports)
	a.snap = served.Refused(res, nil)
	if plan := a.plan(imports); plan.Rung != manifest.RungHotSwap {
		t.Errorf("the same once more: %s, %v", plan.Rung, plan.Reasons)
	}
	if plan := a.plan(imports, native("2")); plan.Rung != manifest.RungWarmRestart || len(plan.Host) != 1 {
		t.Errorf("edited: %s, %v", plan.Rung, plan.Reasons)
	}
	a.snap = served.Refused(res, func(path string) bool { return path == "example.com/app/native" })
	if plan := a.plan(imports); plan.Rung != manifest.RungWarmRestart || len(plan.Reasons) != 1 || !strings.Contains(plan.Reasons[0].Message, "example.com/app/native was broken off") {
		t.Errorf("initialised in part: %s, %v", plan.Rung, plan.Reasons)
	}
	a.snap = served.Refused(res, func(string) bool { return false })
	if plan := a.plan(imports, native("1")); plan.Rung != manifest.RungHotSwap {
		t.Errorf("initialised: %s, %v", plan.Rung, plan.Reasons)
	}
	a.snap = served
	if plan := a.plan(imports); plan.Rung != manifest.RungHotSwap {
		t.Errorf("in a process that never had it: %s, %v", plan.Rung, plan.Reasons)
	}
}
