package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// transcript compares what an editor shows after each step of a story with a
// golden file. Not every message counts but what it leads to: which of several
// intermediate states an editor sees is a matter of how fast it reads.
type transcript struct {
	t    *testing.T
	e    *harness.Editor
	want map[string]string // by step
	got  bytes.Buffer
	ends int // of progress, shown before
	path string
}

func newTranscript(t *testing.T, e *harness.Editor, path string) *transcript {
	tr := &transcript{t: t, e: e, path: path, want: map[string]string{}}
	if data, err := os.ReadFile(path); err == nil {
		for _, part := range strings.Split(string(data), "\n## ")[1:] {
			name, text, _ := strings.Cut(part, "\n")
			tr.want[name] = strings.TrimSpace(text)
		}
	} else if !testkit.Updating() {
		t.Fatal(err)
	}
	return tr
}

// step waits until the editor shows what the golden file says.
func (tr *transcript) step(name string) {
	tr.t.Helper()
	now := ""
	if testkit.Updating() {
		// Whatever is shown when nothing has changed for a while.
		since := time.Now()
		harness.Until(tr.t, "the editor to rest", func() bool {
			tr.e.Look(func(s *lsptest.State) {
				busy := s.Only().State == control.StateBuilding || s.Only().State == control.StateRestarting
				if shown := tr.shown(s); shown != now || busy {
					now, since = shown, time.Now()
				}
			})
			return time.Since(since) > 3*time.Second
		})
	} else {
		deadline := time.Now().Add(harness.Patience / 4)
		tick := time.AfterFunc(harness.Patience/8, func() { tr.e.Notify("$/setTrace", map[string]string{"value": "off"}) }) // an occasion to look again
		defer tick.Stop()
		tr.e.Await(name, func(s *lsptest.State) bool {
			now = tr.shown(s)
			return now == tr.want[name] || time.Now().After(deadline)
		})
		if now != tr.want[name] {
			tr.t.Fatalf("%s: the editor shows\n%s\nwant\n%s", name, now, tr.want[name])
		}
	}
	fmt.Fprintf(&tr.got, "\n## %s\n%s\n", name, now)
	tr.e.Look(func(s *lsptest.State) { tr.ends = len(progressEnds(s)) })
}

// answer records the answer to a request.
func (tr *transcript) answer(name, method string, params any) {
	tr.t.Helper()
	var raw json.RawMessage
	if err := tr.e.Call(method, params, &raw); err != nil {
		raw, _ = json.Marshal(err.Error())
	}
	now := tr.normal(raw)
	if !testkit.Updating() && now != tr.want[name] {
		tr.t.Errorf("%s is\n%s\nwant\n%s", name, now, tr.want[name])
	}
	fmt.Fprintf(&tr.got, "\n## %s\n%s\n", name, now)
}

func (tr *transcript) end() {
	if testkit.Updating() {
		text := "What an editor is shown, step by step: go test ./cmd/anvil-lsp/e2e -run TestEditorGolden -update\n" + tr.got.String()
		if err := os.WriteFile(tr.path, []byte(text), 0o666); err != nil {
			tr.t.Fatal(err)
		}
	}
}

func progressEnds(s *lsptest.State) []string {
	var ends []string
	for _, p := range s.Progress {
		if p.Kind == "end" {
			ends = append(ends, p.Message)
		}
	}
	return ends
}

// shown is the newest status, the diagnostics of each file, and the progress
// that has ended since the last step.
func (tr *transcript) shown(s *lsptest.State) string {
	var b strings.Builder
	for _, end := range progressEnds(s)[tr.ends:] {
		fmt.Fprintf(&b, "progress: %s\n", tr.normalText(end))
	}
	last := map[string]string{}
	for _, m := range s.Transcript {
		switch {
		case m.From != "server":
		case m.Method == "anvil/status":
			last["status"] = tr.normal(m.Params)
		case m.Method == "textDocument/publishDiagnostics":
			var p struct {
				URI         string            `json:"uri"`
				Diagnostics []json.RawMessage `json:"diagnostics"`
			}
			if err := json.Unmarshal(m.Params, &p); err != nil {
				tr.t.Error(err)
			}
			key := "diagnostics " + filepath.Base(p.URI)
			if last[key] = tr.normal(m.Params); len(p.Diagnostics) == 0 {
				delete(last, key)
			}
		}
	}
	for _, key := range slices.Sorted(mapKeys(last)) {
		fmt.Fprintf(&b, "%s: %s\n", key, last[key])
	}
	return strings.TrimSpace(b.String())
}

func mapKeys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

var (
	portText = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)
	msField  = regexp.MustCompile(`"(lastMs|ms)": [0-9.e+-]+`)
	msText   = regexp.MustCompile(`[0-9.]+ (ms|s)\b`)
	atField  = regexp.MustCompile(`"(at|lastAt)": "[^"]*"`)
)

// normal is JSON, indented, without what differs from run to run.
func (tr *transcript) normal(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		tr.t.Error(err)
	}
	text := msField.ReplaceAllString(b.String(), `"$1": 0`)
	text = atField.ReplaceAllString(text, `"$1": "TIME"`)
	return tr.normalText(text)
}

func (tr *transcript) normalText(text string) string {
	text = strings.ReplaceAll(text, tr.e.Dir, "/DIR")
	text = portText.ReplaceAllString(text, "127.0.0.1:PORT")
	return msText.ReplaceAllString(text, "TIME")
}

const home = "func (a *app) home(c *hotreload.Ctx) error {"

// TestEditorGolden is the main story as a client sees it.
func TestEditorGolden(t *testing.T) {
	e := harness.StartEditor(t, harness.CopyApp(t, "blog"))
	tr := newTranscript(t, e, "testdata/story.golden")
	e.Initialize(lsptest.Options{Root: e.Dir})
	e.Await("the application to be live", func(s *lsptest.State) bool { return s.Live(1) })
	tr.step("opened")
	e.Open("handlers/pages.go")
	e.Open("handlers/feed.go")
	e.Edit("handlers/pages.go", harness.ShowPost, harness.ShowPostBroken)
	tr.step("the signature of a handler is edited, not saved")
	e.Edit("handlers/pages.go", harness.ShowPostBroken, harness.ShowPost)
	tr.step("and back")
	e.Edit("handlers/feed.go", "Text: m.Text", `Text: "<" + m.Text`)
	e.Save("handlers/feed.go")
	tr.step("a handler is saved")
	e.Edit("handlers/feed.go", `Text: "<" + m.Text`, `Text: 1 + m.Text`)
	e.Save("handlers/feed.go")
	tr.step("a mistake is saved")
	e.Edit("handlers/feed.go", `Text: 1 + m.Text`, `Text: m.Text`)
	e.Save("handlers/feed.go")
	tr.step("it is mended")
	e.Edit("handlers/pages.go", home, home+"\n\tif c != nil {\n\t\tpanic(\"boom\")\n\t}")
	e.Save("handlers/pages.go")
	e.Await("the handler that will panic", func(s *lsptest.State) bool { return s.Live(4) })
	if status, _ := e.Get("/"); status != http.StatusInternalServerError {
		t.Errorf("a handler that panics answers %d", status)
	}
	tr.step("a handler panics")
	e.Edit("handlers/pages.go", home, "\n\n"+home)
	tr.step("the panic moves with its line")
	tr.answer("status", "anvil/statusOf", nil)
	e.Command("anvil.rollback", nil, nil)
	tr.step("rolled back")
	e.Command("anvil.restart", nil, nil)
	tr.step("restarted")
	e.Command("anvil.stop", nil, nil)
	tr.step("stopped")
	tr.end()
}
