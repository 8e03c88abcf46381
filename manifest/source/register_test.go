package source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
)

// TestRegisterFunction: what the handlers package must declare.
func TestRegisterFunction(t *testing.T) {
	const header = "package handlers\n\nimport \"github.com/anvilforge/anvil-lsp/hotreload\"\n\nvar _ hotreload.Ctx\n\n"
	const wrong = "it must be func(r *hotreload.RouteSink) [ANV003]"
	const missing = "package example.com/handlers must export func AnvilRegisterRoutes(r *hotreload.RouteSink)"
	for _, test := range []struct{ src, want string }{
		{header + "func AnvilRegisterRoutes(r *hotreload.RouteSink) {}", ""},
		{header + "func AnvilRegisterRoutes(*hotreload.RouteSink) {}", ""},
		{header + "var AnvilRegisterRoutes = func(r *hotreload.RouteSink) { r.Get(\"\", 1) }", "7:68: GET : int is not a handler; " + rules.AcceptedKinds + " [ANV014]"},
		{header + "var AnvilRegisterRoutes = register\n\nfunc register(r *hotreload.RouteSink) {}", ""},
		{header + "type R = hotreload.RouteSink\n\nfunc AnvilRegisterRoutes(r *R) {}", ""},
		{header + "func AnvilRegisterRoutes(r hotreload.RouteSink) {}", "7:6: AnvilRegisterRoutes is func(hotreload.RouteSink), " + wrong},
		{header + "func AnvilRegisterRoutes() {}", "7:6: AnvilRegisterRoutes is func(), " + wrong},
		{header + "func AnvilRegisterRoutes(r *hotreload.RouteSink) error { return nil }", "7:6: AnvilRegisterRoutes is func(*hotreload.RouteSink) error, " + wrong},
		{header + "func AnvilRegisterRoutes[T any](r *hotreload.RouteSink) {}", "7:6: AnvilRegisterRoutes is a generic function, " + wrong},
		{header + "type F func(r *hotreload.RouteSink)\n\nvar AnvilRegisterRoutes F", "9:5: AnvilRegisterRoutes is handlers.F, " + wrong},
		{header + "const AnvilRegisterRoutes = 1", "7:7: AnvilRegisterRoutes is not a function, " + wrong},
		{header + "func AnvilRegisterRoutes(r *hotreload.Sink) {}", "7:39: undefined: hotreload.Sink [ANV009]"},
		{header, "1:9: " + missing + " [ANV003]"},
		{header + "func AnvilRegisterRoute(r *hotreload.RouteSink) {}", "7:6: " + missing + "; this is AnvilRegisterRoute [ANV003]"},
		{header + "func anvilRegisterRoutes(r *hotreload.RouteSink) {}", "7:6: " + missing + "; this is anvilRegisterRoutes [ANV003]"},
		{header + "type T int\n\nfunc (T) AnvilRegisterRoutes(r *hotreload.RouteSink) {}", "9:10: " + missing + "; this is a method [ANV003]"},
		{"package handlers", "1:9: " + missing + " [ANV003]"},
		{header + "func AnvilRegisterRoutes(r *hotreload.RouteSink) {", "7:51: syntax error: expected '}', found 'EOF' [ANV009]"},
		{header + "func (", "7:7: syntax error: expected '(', found 'EOF' [ANV009]"},
		{"", "1:1: syntax error: expected 'IDENT', found 'EOF' [ANV009]"},
	} {
		var b strings.Builder
		for _, d := range checkArchive(t, handlersOnly(test.src)).Findings {
			fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(d.String(), root+"/handlers/routes.go:"))
		}
		if got := strings.TrimSpace(b.String()); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", strings.TrimPrefix(test.src, header), got, test.want)
		}
	}
}

func TestSimilarNames(t *testing.T) {
	for name, want := range map[string]bool{
		"AnvilRegisterRoutes": true, "anvilregisterroutes": true, "AnvilRegisterRouts": true, "RegisterRoutes": false, "Register": false, "": false,
	} {
		if got := similar(name, manifest.RegisterName); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
}
