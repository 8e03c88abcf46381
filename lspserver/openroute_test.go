package lspserver

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible/visibletest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
)

// TestOpenMounted: a route and what is mounted at its pattern are opened where each
// was asked for last, also for a client that does not tell which is meant.
func TestOpenMounted(t *testing.T) {
	const pattern = "/users/{id}"
	itself := control.RouteStats{Method: "*", Pattern: pattern, LastPath: "/users/1"}
	below := control.RouteStats{Method: "*", Pattern: pattern, LastPath: "/users/2/posts", Mount: true}
	for _, tt := range []struct {
		counted []control.RouteStats
		mount   bool
		want    string
	}{
		{[]control.RouteStats{itself, below}, false, "/users/1"},
		{[]control.RouteStats{itself, below}, true, "/users/2/posts"},
		{[]control.RouteStats{below}, false, "/users/2/posts"},
		{[]control.RouteStats{itself}, true, "/users/1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			f := d.session("app")
			f.set(func() {
				f.status.URL, f.link = "http://127.0.0.1:1", &puppet{}
				f.counting.receive(tt.counted)
			})
			got, err := openRoute(context.Background(), d.s, f, feature.CommandArgument{Method: "*", Pattern: pattern, Mount: tt.mount})
			if err != nil {
				t.Fatal(err)
			}
			if url := got.(*openedRoute).URL; url != "http://127.0.0.1:1"+tt.want {
				t.Errorf("mount %t of %d: opened %s, want %s", tt.mount, len(tt.counted), url, tt.want)
			}
			synctest.Wait()
		})
	}
}

// TestAdviceForAShell: a command that a user may paste stays one command.
func TestAdviceForAShell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		f := d.session("app")
		f.set(func() { f.status.URL, f.link = "http://127.0.0.1:1", &puppet{} })
		for pattern, want := range map[string]string{
			"/posts": "curl -i -X POST http://127.0.0.1:1/posts", "/it's": `'http://127.0.0.1:1/it'\''s'`,
			"/$(touch x)`id`": "'http://127.0.0.1:1/$(touch x)`id`'", "/a'; rm -r ~ #": `'http://127.0.0.1:1/a'\''; rm -r ~ #'`, "/a\x1b[2J\n": `'http://127.0.0.1:1/a\x1b[2J\n'`,
		} {
			got, err := openRoute(context.Background(), d.s, f, feature.CommandArgument{Method: "POST", Pattern: pattern})
			if err != nil {
				t.Fatal(err)
			}
			data, _ := json.Marshal(got)
			if message := got.(*openedRoute).Message; !strings.HasSuffix(message, want) {
				t.Errorf("%q: %s", pattern, message)
			} else {
				visibletest.Check(t, string(data), message)
			}
		}
		synctest.Wait()
		if n := len(d.client.all(protocol.MethodWindowShowMessage)); n != 5 {
			t.Errorf("told %d times", n)
		}
	})
}
