package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

func TestOtherProgram(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	shop, linked := filepath.Join(dir, "shop"), filepath.Join(dir, "linked")
	for _, name := range []string{"cmd/api", "cmd/admin", "tools/cmd/api"} {
		if err := os.MkdirAll(filepath.Join(shop, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	testkit.WriteTree(t, shop, map[string]string{"go.mod": "module example.com/shop\n", "tools/go.mod": "module example.com/tools\n"})
	if err := os.Symlink(shop, linked); err != nil {
		t.Fatal(err)
	}
	const api = "example.com/shop/cmd/api"
	for _, tt := range []struct {
		in         string // directory of the engine, below shop
		runs, main string
		other      bool
	}{
		// Something is live.
		{"", api, "", false},
		{"", api, "./cmd/api", false},
		{"", api, "cmd/api/", false},
		{"", api, api, false},
		{"", api, shop + "/cmd/api", false},
		{"", api, linked + "/cmd/api", false},
		{"", api, ".", true},
		{"", api, "./cmd/admin", true},
		{"", api, shop + "/cmd/admin", true},
		{"", api, "example.com/shop/cmd/admin", true},
		{"", api, "./cmd/old-api", true},
		{"", api, "./tools/cmd/api", true}, // another module has one of this name
		{"", "example.com/tools/cmd/api", "tools/cmd/api", false},
		{"", "example.com/shop", ".", false},
		{"cmd/api", api, ".", false},
		{"cmd/api", api, "../api", false},
		{"cmd/api", api, "../admin", true},
		// Nothing is live yet.
		{"", "./cmd/api", "", false},
		{"", "./cmd/api", "cmd/api", false},
		{"", "./cmd/api/", "./cmd/../cmd/api", false},
		{"", "./cmd/api", api, false},
		{"", "./cmd/api", linked + "/cmd/api", false},
		{"", "./cmd/api", ".", true},
		{"", "./cmd/api", "cmd/admin", true},
		{"", "./cmd/api", "example.com/shop/cmd/admin", true},
		{"", "./cmd/api", shop, true},
		{"", shop + "/cmd/api", "./cmd/api", false},
		{"", shop + "/cmd/api", "./cmd/admin", true},
		{"", ".", "./cmd/api", true},
		{"", ".", "example.com/shop", false},
		{"", ".", shop, false},
		{"cmd/api", ".", api, false},
		{"cmd/api", ".", "../admin", true},
		{"", "", "./cmd/admin", false}, // nor is anything found
		// Nobody knows what the go command would call it.
		{"..", "example.com/shop", "./elsewhere", false},
	} {
		err := otherProgram(&control.Status{Main: tt.runs, Dir: filepath.Join(shop, tt.in), PID: 7}, tt.main)
		if (err != nil) != tt.other || err != nil && !strings.Contains(err.Error(), "(process id 7) runs "+tt.runs+",") {
			t.Errorf("--main %q in %q beside %q: %v", tt.main, tt.in, tt.runs, err)
		}
	}
}
