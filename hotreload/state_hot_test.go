//go:build anvilhot

package hotreload

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func TestStateIsRolledBack(t *testing.T) {
	b := newBench(t)
	var add func(string)
	var show func() string
	b.live(func(r *RouteSink) { add, show = firstCart(r.Container()) })
	add("a")
	result := b.live(func(r *RouteSink) { add, show = secondCart(r.Container()) })
	add("b")
	if got := show(); got != "a0 b1 " {
		t.Errorf("got %q", got)
	}
	const want = `state "cart" was migrated: the structure of its type *hotreload.cart changed; nothing was dropped`
	if d := result.Diagnostics; len(d) != 1 || d[0].Code != manifest.CodeStateShape || d[0].Severity != manifest.SeverityInformation || d[0].Message != want {
		t.Errorf("got %+v", d)
	}
	if back, err := b.rollback(0); err != nil || back.Outcome != control.OutcomeLive || len(back.Diagnostics) != 0 {
		t.Errorf("got %+v, %v", back, err)
	}
	if got := show(); got != "a " {
		t.Errorf("after the rollback: %q", got)
	}
}

// Whatever the user's functions do, the live generation has its value.
func TestStateOfGenerationThatHangsOrPanics(t *testing.T) {
	for name, misbehave := range map[string]func(hang <-chan struct{}, c *Container, item any){
		"hanging WithMigration": func(hang <-chan struct{}, c *Container, item any) {
			StateOf(c, "cart", func() []any { return nil }, WithMigration(func(old OldValue) []any {
				<-hang
				return []any{item}
			}))
		},
		"hanging initial": func(hang <-chan struct{}, c *Container, item any) {
			StateOf(c, "cart", func() []any { <-hang; return nil })
		},
		"panic in WithMigration": func(_ <-chan struct{}, c *Container, item any) {
			StateOf(c, "cart", func() []any { return nil }, WithMigration(func(old OldValue) []any { panic("oops") }))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			var add func(string)
			var show func() string
			b.live(func(r *RouteSink) { add, show = firstCart(r.Container()) })
			add("a")
			hang, ended := make(chan struct{}), make(chan struct{})
			result := b.try(fakePlugin{symbols: symbols(func(r *RouteSink) {
				defer close(ended)
				misbehave(hang, r.Container(), 1)
				r.Context()
				if strings.HasPrefix(name, "hanging") {
					t.Errorf("%s: the registration goes on", name)
				}
			})}, func(r *control.LoadRequest) { r.Hot = nil })
			if result.Outcome != control.OutcomeRejected || len(result.Diagnostics) != 1 || result.Diagnostics[0].Code != manifest.CodeRegistration {
				t.Errorf("%s: got %+v", name, result)
			}
			add("b")
			close(hang)
			<-ended
			if got := show(); got != "a b " {
				t.Errorf("%s: got %q", name, got)
			}
			if n := len(b.state.container.slots["cart"].cells); n != 1 {
				t.Errorf("%s: %d values are left", name, n)
			}
		})
	}
}

// The real thing: types of two plugins.
func TestRealPluginsMigrateState(t *testing.T) {
	w := newWorld(t)
	first := w.plugin(t, 1, `
	type item struct {
		name  string
		price float64
	}
	type cart struct {
		Items []*item
		any   any
		note  string
	}
	carts := hotreload.StateOf(r.Container(), "carts", func() map[string]*cart { return map[string]*cart{} })
	r.Get("/cart", func(c *hotreload.Ctx) error {
		carts.Update(func(all *map[string]*cart) {
			i := &item{"pear", 2}
			(*all)["ann"] = &cart{Items: []*item{i, i}, any: i, note: "none"}
		})
		return c.Text(http.StatusOK, "filled")
	})`)
	second := w.plugin(t, 2, `
	type item struct {
		price int
		name  string
		count int
	}
	type cart struct {
		any   any
		Items []*item
	}
	carts := hotreload.StateOf(r.Container(), "carts", func() map[string]*cart { return map[string]*cart{} })
	r.Get("/cart", func(c *hotreload.Ctx) error {
		ann := carts.Get()["ann"]
		return c.Text(http.StatusOK, fmt.Sprint(*ann.Items[0], ann.Items[0] == ann.Items[1], ann.any.(*item) == ann.Items[0]))
	})`)
	path := filepath.Join(t.TempDir(), "app.so")
	install := func(version string) {
		t.Helper()
		if err := copyFile(path+".new", version); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	install(first)
	cmd := exec.CommandContext(t.Context(), w.host)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), control.EnvHot+"=1", control.EnvPlugin+"="+path, "HELLO_ADDR=127.0.0.1:0")
	exited := w.start(t, cmd)
	url := urlOf(t, log)
	if got := get(t, url+"/cart"); got != "200 filled" {
		t.Errorf("got %q", got)
	}
	install(second)
	got := get(t, url+"/cart")
	for got == "200 filled" {
		got = get(t, url+"/cart")
	}
	if got != "200 {2 pear 0} true true" {
		t.Errorf("got %q", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-exited; err != nil {
		t.Errorf("the host: %v", err)
	}
}
