package cli

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

func TestOtherProgram(t *testing.T) {
	const api = "example.com/shop/cmd/api"
	for _, tt := range []struct {
		runs, main string
		other      bool
	}{
		{api, "", false},
		{api, "./cmd/api", false},
		{api, "cmd/api/", false},
		{api, api, false},
		{api, ".", false},
		{api, "./cmd/admin", true},
		{api, "example.com/shop/cmd/admin", true},
		{api, "./cmd/old-api", true},
		{"", "./cmd/admin", false}, // nothing is live yet
	} {
		err := otherProgram(&control.Status{Main: tt.runs, Dir: "/shop", PID: 7}, tt.main)
		if (err != nil) != tt.other || err != nil && !strings.Contains(err.Error(), "(process id 7) runs "+api) {
			t.Errorf("--main %q beside %q: %v", tt.main, tt.runs, err)
		}
	}
}
