//go:build unix

package engine

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// cartFile has a typed handler, and state of a type that its output shares.
const cartFile = `package handlers

import "github.com/anvilforge/anvil-lsp/hotreload"

type addIn struct {
	By int ` + "`query:\"by\"`" + `
}

type cart struct {
	Items int
	Note  string
}

func registerCart(r *hotreload.RouteSink) {
	kept := hotreload.StateOf(r.Container(), "cart", func() cart { return cart{Note: "new"} })
	r.Get("/add", func(_ *hotreload.Ctx, in addIn) (cart, error) {
		kept.Update(func(c *cart) { c.Items += in.By })
		return kept.Get(), nil
	})
}
`

// answers returns what the application says to a path.
func (a *app) answers(path string) string {
	a.Helper()
	res, err := http.Get(a.e.URL() + path)
	if err != nil {
		a.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// TestSwapOfSignature: where the policy is to swap, a changed signature costs
// neither the process nor what it keeps, and is told as before.
func TestSwapOfSignature(t *testing.T) {
	a := newApp(t)
	const file = "handlers/cart.go"
	writeFile(t, cartFile, a.dir, file)
	a.edit("handlers/handlers.go", `r.Get("/time", now)`, "r.Get(\"/time\", now)\n\tregisterCart(r)")
	a.start(func(o *Options) { o.OnBreak = BreakSwap })
	a.until(control.EventLive)
	a.serves("Hello! Visit 1, and 1 since the last reload.")
	if got := a.answers("/add?by=2"); got != `{"Items":2,"Note":"new"}` {
		t.Fatalf("got %s", got)
	}
	pid := a.status(control.StateLive).Live.PID

	changed := strings.NewReplacer(`query:"by"`, `query:"count"`, "Note  string", "Total float64", `{Note: "new"}`, "{}").Replace(cartFile)
	predictor := a.e.Predictor()
	a.predicts(predictor, map[string][]byte{filepath.Join(a.dir, file): []byte(changed)}, manifest.RungHotSwap, manifest.CodeSignature)
	writeFile(t, changed, a.dir, file)
	ev := a.until(control.EventPredicted)
	if ev.Rung != manifest.RungHotSwap || !slices.Contains(codesOf(ev.Diagnostics), manifest.CodeSignature) {
		t.Errorf("predicted %q, %v", ev.Rung, ev.Diagnostics)
	}
	ev = a.until(control.EventLive)
	if got := codesOf(ev.Diagnostics); ev.Rung != manifest.RungHotSwap || !slices.Equal(got, []manifest.Code{manifest.CodeSignature, manifest.CodeStateShape}) {
		t.Errorf("live by %q, %v", ev.Rung, ev.Diagnostics)
	}
	if p := ev.Predicted; p == nil || p.Rung != manifest.RungHotSwap || len(p.Codes) > 0 {
		t.Errorf("predicted was %+v", p)
	}
	st := a.status(control.StateLive)
	if !st.SwapsSignatures {
		t.Error("clients are not told of the policy")
	}
	if st.Live.PID != pid || st.Counts.Restarts != 0 || slices.Contains(codesOf(st.Problems), manifest.CodeSignature) {
		t.Errorf("process %d, was %d; %+v, problems %v", st.Live.PID, pid, st.Counts, st.Problems)
	}
	a.serves("Hello! Visit 2, and 1 since the last reload.")
	if got := a.answers("/add?count=3"); got != `{"Items":5,"Total":0}` {
		t.Errorf("got %s", got)
	}

	// A host package beside it, and the process starts anew.
	a.edit("visits/visits.go", "\nfunc ", "\nvar More = 1\n\nfunc ")
	writeFile(t, cartFile, a.dir, file)
	for ev = a.until(control.EventLive); ev.Rung == manifest.RungHotSwap; ev = a.until(control.EventLive) { // the files came one by one
	}
	if got := codesOf(ev.Diagnostics); ev.Rung != manifest.RungWarmRestart || !slices.Contains(got, manifest.CodeHostChanged) {
		t.Errorf("live by %q, %v", ev.Rung, ev.Diagnostics)
	}
	if now := a.status(control.StateLive).Live.PID; now == pid {
		t.Error("the process is the same")
	}
}

// TestHalfInitialised: a host package is new to the process, and its initialisation
// panics. What imports it from then on takes a restart, because a package is
// initialised once in a process.
func TestHalfInitialised(t *testing.T) {
	a := newApp(t)
	a.start()
	a.until(control.EventLive)
	writeFile(t, `package native

// static int one(void) { return 1; }
import "C"

import "os"

var One = one()

func one() int {
	if _, err := os.Stat("panic"); err == nil {
		panic("not today")
	}
	return int(C.one())
}
`, a.dir, "native.v2", "native.go")
	flag := writeFile(t, "", a.dir, "panic")
	with := writeFile(t, "package handlers\n\nimport \"example.com/hello/native.v2\"\n\nvar _ = native.One\n", a.dir, "handlers", "with.go")
	if ev := a.until(control.EventKept); len(ev.Diagnostics) == 0 || !strings.Contains(ev.Diagnostics[0].Message, "not today") {
		t.Errorf("diagnostics %v", ev.Diagnostics)
	}
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	a.edit("handlers/handlers.go", "Hello!", "Welcome!")
	if ev := a.until(control.EventLive); ev.Rung != manifest.RungWarmRestart || len(ev.Diagnostics) == 0 || ev.Diagnostics[0].Code != manifest.CodeHostChanged {
		t.Errorf("live by %q, %v", ev.Rung, ev.Diagnostics)
	}
	a.serves("Welcome! Visit 1, and 1 since the last reload.")
	if err := os.Remove(with); err != nil {
		t.Fatal(err)
	}
	if ev := a.until(control.EventLive); ev.Rung != manifest.RungHotSwap {
		t.Errorf("live by %q, %v", ev.Rung, ev.Diagnostics)
	}
	a.stop()
}
