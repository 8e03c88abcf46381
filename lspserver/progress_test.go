package lspserver

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// progressed returns tokens, titles and messages of all progress, sorted.
func (d *desk) progressed() []string {
	d.t.Helper()
	var out []string
	for _, m := range d.client.all(protocol.MethodProgress) {
		var p struct {
			Token string
			Value struct{ Kind, Title, Message string }
		}
		if err := json.Unmarshal(m.Params, &p); err != nil {
			d.t.Fatal(err)
		}
		out = append(out, strings.Join([]string{p.Token, p.Value.Kind, p.Value.Title, p.Value.Message}, "|"))
	}
	slices.Sort(out)
	return out
}

// TestProgressOfSeveral: applications whose directories have the same name are
// told apart.
func TestProgressOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		x := d.session("x/server")
		x.progress.event(control.Event{Kind: control.EventBuilding})
		synctest.Wait()
		x.progress.event(control.Event{Kind: control.EventUnchanged})
		synctest.Wait()
		y := d.session("y/server")
		x.progress.event(control.Event{Kind: control.EventBuilding})
		synctest.Wait()
		y.progress.event(control.Event{Kind: control.EventBuilding})
		synctest.Wait()
		x.progress.event(control.Event{Kind: control.EventProgress, Message: "linking"})
		y.progress.event(control.Event{Kind: control.EventProgress, Message: "loading"})
		synctest.Wait()
		want := []string{
			"anvil-1|begin|anvil|Checking", "anvil-1|end||unchanged",
			"anvil-2|begin|anvil: x/server|Checking", "anvil-2|report||Linking",
			"anvil-3|begin|anvil: y/server|Checking", "anvil-3|report||Loading",
		}
		if got := d.progressed(); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		ev := control.Event{Kind: control.EventAsking, Diagnostics: []manifest.Diagnostic{manifest.Diagnose(manifest.CodeHostChanged, manifest.Position{}, "because")}}
		if q := x.question(ev); q != "Restart the live server of x/server? Because." {
			t.Error(q)
		}
	})
}
