package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// countOf returns how often a test does what it repeats: as often as a variable
// of the environment says, or the number for a short run.
func countOf(t *testing.T, variable string, short int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is not a number of times", variable, text)
	}
	return n
}

// whoami is what /whoami of the blog says.
type whoami struct {
	Generation  int            `json:"generation"`
	Hits        int            `json:"hits"`
	KeptHits    int            `json:"kept_hits"`
	DB          string         `json:"db"`
	Views       map[string]int `json:"views"`
	Subscribers int            `json:"subscribers"`
	PID         int            `json:"pid"`
	User        string         `json:"user"`
}

func askWho(s *harness.Server) whoami {
	s.T.Helper()
	var w whoami
	if err := json.Unmarshal([]byte(s.Get("/whoami")), &w); err != nil {
		s.T.Fatal(err)
	}
	return w
}

// message is one of the blog's feed.
type message struct {
	Type       string `json:"type"`
	Text       string `json:"text"`
	Generation int    `json:"generation"`
}

// TestSavesUnderLoad is the main job: a hundred saves while requests keep
// coming, with one session, one WebSocket and one database pool.
func TestSavesUnderLoad(t *testing.T) {
	reloads := countOf(t, "ANVIL_RELOADS", 100)
	t.Setenv("GOGC", "10") // garbage is collected all the time
	s := harness.Start(t, harness.CopyApp(t, "blog"))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Client.Jar = jar
	res, err := s.Client.PostForm(s.URL+"/login", url.Values{"name": {"ada"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.Get("/posts/1") // counted in memory, in the Container
	before := askWho(s)
	if before.User != "ada" || len(before.Views) == 0 || before.DB == "" {
		t.Fatalf("after login and a visit: %+v", before)
	}

	ctx := t.Context()
	dial := func() *websocket.Conn {
		ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/feed", nil)
		if err != nil {
			t.Fatal(err)
		}
		return ws
	}
	ws := dial()
	defer ws.CloseNow()
	var visitor *websocket.Conn // comes after the first reload, and stays

	load := startLoad(s, 2, "/", "/posts/1", "/api/posts", "/whoami")
	source := s.Read("handlers/feed.go")
	var rss int64
	for n := range reloads {
		mark := fmt.Sprintf("reload %d: ", n)
		s.Save("handlers/feed.go", strings.Replace(source, "Text: m.Text", fmt.Sprintf("Text: %q + m.Text", mark), 1))
		ev := s.Wait(control.EventLive)
		if ev.Rung != manifest.RungHotSwap {
			t.Fatalf("reload %d took the rung %q", n, ev.Rung)
		}
		if n == reloads/10 { // everything was used once
			rss = s.Live().Live.RSS
		}
		if visitor == nil {
			visitor = dial()
			defer visitor.CloseNow()
		}
		// The connection is the same, the code that answers on it is new.
		if err := wsjson.Write(ctx, ws, message{Type: "echo", Text: "hello"}); err != nil {
			t.Fatalf("reload %d: WebSocket: %v", n, err)
		}
		var m message
		for m.Type != "echo" {
			reading, done := context.WithTimeout(ctx, harness.Patience)
			err := wsjson.Read(reading, ws, &m)
			done()
			if err != nil {
				t.Fatalf("reload %d: WebSocket: %v", n, err)
			}
		}
		if m.Text != mark+"hello" || m.Generation != ev.Generation {
			t.Fatalf("reload %d, generation %d: echo %+v", n, ev.Generation, m)
		}
	}
	requests := load.stop()
	after := askWho(s)
	if after.PID != before.PID || after.DB != before.DB || after.User != "ada" || after.Views["1"] < before.Views["1"] || after.Subscribers < 1 {
		t.Errorf("before %+v, after %+v: process, pool, session, row in memory and subscriber must be the same", before, after)
	}
	if after.KeptHits == 0 {
		t.Error("the counter in the Container started again")
	}
	if after.Generation != before.Generation+reloads {
		t.Errorf("generation %d after %d reloads from %d", after.Generation, reloads, before.Generation)
	}
	// The counter in the code starts at zero with its generation.
	s.Save("handlers/feed.go", source)
	s.Wait(control.EventLive)
	if w := askWho(s); w.Hits != 0 {
		t.Errorf("a package-level counter stands at %d right after a reload", w.Hits)
	}
	st := s.Live()
	if st.Counts.Restarts != 0 || st.Counts.Crashes != 0 || st.Counts.HotSwaps != reloads+1 {
		t.Errorf("counts %+v", st.Counts)
	}
	visitor.CloseNow() // whose generation's plugin may be gone from the disk by now
	if !harness.RaceEnabled {
		checkKept(t, s, reloads)
	}
	perGeneration := (st.Live.RSS - rss) / int64(reloads-reloads/10) / 1024
	if perGeneration > 100 && reloads >= 200 && !harness.RaceEnabled {
		t.Errorf("each generation adds %d KB to the memory of the live server", perGeneration)
	}
	t.Logf("%d reloads, %d requests, none failed; %d KB a generation", reloads, requests, perGeneration)
}

// keptBytes is how much of the memory of the live server a generation that is
// over may take for good.
const keptBytes = 100 << 10

// checkKept waits until so many generations are over, and keep no more than
// they may.
func checkKept(t *testing.T, s *harness.Server, over int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return // elsewhere nothing is given back
	}
	harness.Until(t, fmt.Sprintf("%d generations are over and keep little", over), func() bool {
		n := 0
		for _, g := range s.Live().Live.Generations {
			if g.Plugin != "" && g.Drained && 0 < g.Memory && g.Memory <= keptBytes {
				n++
			}
		}
		return n == over
	})
}

// loadTest sends requests without a pause until it is stopped.
type loadTest struct {
	t      testing.TB
	cancel context.CancelFunc
	wg     sync.WaitGroup
	count  atomic.Int64
}

// startLoad starts clients with a connection each and up to 500 requests a
// second; any answer but 200 fails the test.
func startLoad(s *harness.Server, clients int, paths ...string) *loadTest {
	ctx, cancel := context.WithCancel(context.Background())
	l := &loadTest{t: s.T, cancel: cancel}
	s.T.Cleanup(cancel)
	for c := range clients {
		client := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
		l.wg.Go(func() {
			defer client.CloseIdleConnections()
			pace := time.NewTicker(2 * time.Millisecond)
			defer pace.Stop()
			for n := c; ctx.Err() == nil; n++ {
				<-pace.C
				path := paths[n%len(paths)]
				status, err := fetch(ctx, client, s.URL+path)
				if ctx.Err() != nil {
					return
				}
				if err != nil || status != http.StatusOK {
					s.T.Errorf("request %d, GET %s: status %d, error %v", l.count.Load(), path, status, err)
					return
				}
				l.count.Add(1)
			}
		})
	}
	return l
}

// stop ends the load and returns how many requests were answered.
func (l *loadTest) stop() int64 {
	l.t.Helper()
	l.cancel()
	l.wg.Wait()
	if l.count.Load() == 0 {
		l.t.Error("the load test sent no request")
	}
	return l.count.Load()
}

func fetch(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var discard [4096]byte
	for {
		if _, err := res.Body.Read(discard[:]); err != nil {
			if err.Error() == "EOF" {
				return res.StatusCode, nil
			}
			return res.StatusCode, err
		}
	}
}

// TestRestarts takes the second rung for everything that a hot swap cannot
// take, under load: no connection is refused, no request fails.
func TestRestarts(t *testing.T) {
	s := harness.Start(t, harness.CopyApp(t, "blog"))
	load := startLoad(s, 2, "/posts/1", "/healthz")
	pid := askWho(s).PID
	steps := []struct {
		name string
		edit func()
		code manifest.Code
		at   string
	}{
		{"signature of a registered route", func() {
			s.Edit("handlers/debug.go", "func (a *app) whoami(c *hotreload.Ctx) error {", "func (a *app) whoami(w http.ResponseWriter, r *http.Request) error {\n\tc := &struct{ *hotreload.Ctx }{}\n\t_ = c\n\treturn a.who(w, r)\n}\n\nfunc (a *app) who(w http.ResponseWriter, r *http.Request) error {\n\treturn hotreload.StatusErrorf(500, `%d`, 1)\n}\n\nfunc (a *app) whoami2(c *hotreload.Ctx) error {")
		}, manifest.CodeSignature, "handlers/debug.go"},
		{"and back", func() {
			s.Edit("handlers/debug.go", "func (a *app) whoami(w", "func (a *app) whoami3(w")
			s.Edit("handlers/debug.go", "whoami2", "whoami")
		}, manifest.CodeSignature, "handlers/debug.go"},
		{"host package", func() {
			s.Save("store/views.go", s.Read("store/views.go")+"\nvar added = 1\n")
		}, manifest.CodeHostChanged, "store/views.go"},
		{"main package", func() {
			s.Edit("main.go", "blog ends", "the blog ends")
		}, manifest.CodeHostChanged, "main.go"},
		{"go.mod", func() {
			s.Edit("go.mod", "module example.com/blog\n", "module example.com/blog\n\ngodebug panicnil=1\n")
		}, manifest.CodeModuleChanged, "go.mod"},
	}
	for _, step := range steps {
		step.edit()
		why := waitEvent(s, control.EventRestarting)
		if len(why.Diagnostics) == 0 || why.Diagnostics[0].Code != step.code || !strings.HasPrefix(why.Diagnostics[0].Position.String(), s.Path(step.at)) {
			t.Errorf("%s: restart because of %v, want %s at %s", step.name, why.Diagnostics, step.code, step.at)
		}
		ev := s.Wait(control.EventLive)
		if ev.Rung != manifest.RungWarmRestart {
			t.Errorf("%s: rung %q", step.name, ev.Rung)
		}
	}
	n := load.stop()
	if now := askWho(s).PID; now == pid {
		t.Error("the process is the same after restarts")
	}
	harness.Until(t, "the old process ends", func() bool { return !harness.Alive(pid) })
	t.Logf("%d restarts, %d requests, none failed", len(steps), n)
}

// waitEvent returns the next event of a kind that does not end a save.
func waitEvent(s *harness.Server, kind control.EventKind) control.Event {
	s.T.Helper()
	return s.WaitFor(fmt.Sprintf("event %q", kind), func(ev control.Event) bool {
		if ev.Kind == control.EventKept {
			s.T.Fatalf("kept: %s %v", ev.Message, ev.Diagnostics)
		}
		return ev.Kind == kind
	})
}
