package build

import (
	"os"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/internal/build/discover"
)

// TestLinkerVariables: what -X sets holds in the executable and in each
// generation.
func TestLinkerVariables(t *testing.T) {
	for name, full := range map[string]bool{"thin": false, "full": true} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, "app.txtar", func(c *Config) {
				c.FullLink = full
				c.Env = append(os.Environ(), `GOFLAGS='-ldflags=-X=example.com/app/handlers.stamp=stamped -X=example.com/app/handlers/views.Stamp=there -X=main.stamp=wrong' -mod=mod`)
			})
			a.write("handlers/views/stamp.go", "package views\n\nvar Stamp = \"none\"\n")
			a.write("handlers/stamp.go", "package handlers\n\nvar stamp = \"none\"\n")
			a.edit("handlers/handlers.go", `"v1"`, `"v1 " + stamp + " " + views.Stamp`)
			if got := a.start(a.host().Path); !strings.HasPrefix(got, "v1 stamped there ") {
				t.Errorf("the executable says %q", got)
			}
			for _, edit := range [][3]string{{"handlers/handlers.go", `"v1 "`, `"v2 "`}, {"handlers/views/stamp.go", "none", "nothing"}, {"handlers/handlers.go", `"v2 "`, `"v3 "`}} {
				if res, got := a.swap(a.edit(edit[0], edit[1], edit[2])); !strings.Contains(got, " stamped there ") || res.Thin == full {
					t.Errorf("after %q the process says %q; thin: %t", edit, got, res.Thin)
				}
			}
		})
	}
}

// TestLineDirectives: findings stand in files that exist.
func TestLineDirectives(t *testing.T) {
	a := newApp(t, "app.txtar")
	a.host()
	const text = "package handlers\n\n//line page.qtpl:10\nfunc page() {\n\tundefinedThing()\n}\n"
	page := a.write("handlers/page.go", text)
	fails := func(want string) {
		t.Helper()
		_, err := a.b.Plugin(t.Context(), a.plan(page), a.gen+1)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	fails(page + ":5: undefined: undefinedThing")
	source := a.write("handlers/page.qtpl", "the source")
	fails(source + ":11:")
	a.edit("handlers/handlers.go", "func AnvilRegisterRoutes", "//line yaccpar:1\nfunc AnvilRegisterRoutes")
	at, ok := discover.FindRegister(a.snap.Package(hot))
	if _, err := os.Stat(at.File); !ok || err != nil || at.Line < 5 {
		t.Errorf("AnvilRegisterRoutes is at %s", at)
	}
}
