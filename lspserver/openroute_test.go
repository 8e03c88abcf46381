package lspserver

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
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
				f.counting.told(tt.counted)
			})
			got, err := openRoute(context.Background(), d.s, f, commandArgument{Method: "*", Pattern: pattern, Mount: tt.mount})
			if err != nil {
				t.Fatal(err)
			}
			if url := got.(*opened).URL; url != "http://127.0.0.1:1"+tt.want {
				t.Errorf("mount %t of %d: opened %s, want %s", tt.mount, len(tt.counted), url, tt.want)
			}
			synctest.Wait()
		})
	}
}
