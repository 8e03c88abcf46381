package source

import (
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// TestKeptVariables: what a variable takes from the Container does not begin
// again with the next generation, unless the variable is set to other values.
func TestKeptVariables(t *testing.T) {
	r := checkArchive(t, handlersOnly(`package handlers

import (
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

var (
	kept    *atomic.Int64
	posts   map[string]int
	shared  *atomic.Int64
	state   *hotreload.State[int]
	other   map[string]int
	cleared map[string]int
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	kept = hotreload.StateOf(r.Container(), "kept", func() *atomic.Int64 { return new(atomic.Int64) }).Get()
	posts = hotreload.StateOf(r.Container(), "posts", func() map[string]int { return map[string]int{} }).Get()
	shared = hotreload.MustLookup[*atomic.Int64](r.Container())
	state = hotreload.StateOf(r.Container(), "state", func() int { return 0 })
	other = hotreload.StateOf(r.Container(), "other", func() map[string]int { return nil }).Get()
	cleared = map[string]int{}
	r.Get("/", home)
}

func home(*hotreload.Ctx) error {
	kept.Add(1)
	posts["x"]++
	delete(posts, "y")
	shared.Add(1)
	state.Set(1)
	other = map[string]int{}
	other["x"]++
	clear(cleared)
	return nil
}
`))
	var got []string
	for _, d := range r.Findings {
		if d.Code != manifest.CodePackageState {
			t.Errorf("also %s", d)
			continue
		}
		name, _, _ := strings.Cut(d.Message, " ")
		got = append(got, name)
	}
	if want := "other cleared"; strings.Join(got, " ") != want {
		t.Errorf("found %q, want %q", got, want)
	}
}
