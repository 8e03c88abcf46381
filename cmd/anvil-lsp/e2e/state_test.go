package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/nettest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
)

// keepsModels is the host package of an application that keeps state: main
// imports it.
const keepsModels = `package models

import (
	"encoding/json"
	"sync"
	"time"
)

// Check is called by the registration of the handlers.
func Check() {}

type Session struct {
	User   string
	Visits int
	since  time.Time
	friend *Session
}

func NewSession(user string, friend *Session) *Session {
	return &Session{User: user, since: time.Now(), friend: friend}
}

func (s *Session) Friend() *Session { return s.friend }
func (s *Session) Since() time.Time { return s.since }

type Item struct {
	Name  string
	Count int
}

// Notes is a store of its own.
type Notes struct {
	mu  sync.Mutex
	all []string
}

func (n *Notes) Add(s string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, s)
	return len(n.all)
}

func (n *Notes) MarshalState() ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return json.Marshal(n.all)
}

func (n *Notes) UnmarshalState(data []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return json.Unmarshal(data, &n.all)
}
`

const keepsHandlers = `// Package handlers keeps state.
package handlers

import (
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload"

	"example.com/hello/models"
	"example.com/hello/visits"
)

type page struct {
	carts map[string][]models.Item
	names []string
}

var sinceReload atomic.Int64

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	c := r.Container()
	_ = hotreload.MustLookup[*visits.Counter](c)
	models.Check()
	notes := hotreload.MustLookup[*models.Notes](c)
	hits := hotreload.StateOf(c, "hits", func() int { return 0 })
	pages := hotreload.StateOf(c, "page", func() *page { return &page{carts: map[string][]models.Item{}} })
	sessions := hotreload.StateOf(c, "sessions", func() map[string]*models.Session { return map[string]*models.Session{} })
	r.Post("/hit", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "slow" { // it changes the state at its end
			time.Sleep(50 * time.Millisecond)
		}
		n := 0
		hits.Update(func(v *int) { *v++; n = *v })
		fmt.Fprint(w, os.Getpid(), " ", n)
	})
	r.Get("/hits", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, hits.Get()) })
	r.Post("/cart", func(w http.ResponseWriter, r *http.Request) {
		user := r.FormValue("user")
		pages.Update(func(p **page) {
			(*p).carts[user] = append((*p).carts[user], models.Item{Name: r.FormValue("item"), Count: 1})
			(*p).names = append((*p).names, user)
			fmt.Fprint(w, len((*p).carts[user]), len((*p).names))
		})
	})
	r.Post("/session", func(w http.ResponseWriter, r *http.Request) {
		user := r.FormValue("user")
		sessions.Update(func(all *map[string]*models.Session) {
			s := (*all)[user]
			if s == nil {
				s = models.NewSession(user, (*all)["first"])
				(*all)[user] = s
			}
			s.Visits++
			fmt.Fprint(w, s.Visits, s.Friend() == (*all)["first"], s.Since().UnixNano())
		})
	})
	r.Post("/note", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, notes.Add("x")) })
}
`

// keeping returns the directory of an application that keeps state.
func keeping(t *testing.T) *harness.Server {
	t.Helper()
	s := &harness.Server{T: t, Dir: harness.CopyApp(t, "hello")}
	s.Save("models/models.go", keepsModels)
	s.Save("handlers/handlers.go", keepsHandlers)
	s.Edit("main.go", `"example.com/hello/handlers"`, "\"example.com/hello/handlers\"\n\t\"example.com/hello/models\"")
	s.Edit("main.go", "hotreload.Provide(c, new(visits.Counter))", "hotreload.Provide(c, new(visits.Counter))\n\thotreload.Provide(c, new(models.Notes))\n\tprotocols := new(http.Protocols)\n\tprotocols.SetHTTP1(true)\n\tprotocols.SetUnencryptedHTTP2(true)")
	s.Edit("main.go", "Container: c,", "Container: c,\n\t\tServer:    &http.Server{Protocols: protocols},")
	s.Edit("main.go", `"log"`, "\"log\"\n\t\"net/http\"")
	return s
}

// post returns the answer to a form.
func post(s *harness.Server, path string, fields ...string) string {
	s.T.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	res, err := s.Client.PostForm(s.URL+path, form)
	if err != nil {
		s.T.Fatalf("POST %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.T.Fatalf("POST %s: %s %s %v", path, res.Status, body, err)
	}
	return string(body)
}

// hitter counts requests that change state, and what they are answered.
type hitter struct {
	*harness.Server
	stop     chan struct{}
	wg       sync.WaitGroup
	answered atomic.Int64
	longest  atomic.Int64 // of the answers, in nanoseconds

	alone       bool // processes do not overlap, so the engine may answer
	mu          sync.Mutex
	unavailable []time.Time // when it did
}

// queueTime is how long requests wait for a new process that could not start beside
// the old one, before the engine answers them.
const queueTime = 3 * time.Second

// checkUnavailable checks that the engine has not answered sooner than it may, where
// restarts began at some times. The old process ended after that.
func (h *hitter) checkUnavailable(restarts []time.Time) {
	h.T.Helper()
	for _, at := range h.unavailable {
		var waited time.Duration
		for _, begun := range restarts {
			if begun.Before(at) {
				waited = at.Sub(begun)
			}
		}
		if waited < queueTime {
			h.T.Errorf("the engine answered %v after the restart began", waited)
		}
	}
}

// hit posts until the end; each client sees the counter grow.
func (h *hitter) hit(path string, transport http.RoundTripper) {
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	h.T.Cleanup(client.CloseIdleConnections)
	h.wg.Go(func() {
		last := 0
		for {
			select {
			case <-h.stop:
				return
			default:
			}
			begun := time.Now()
			// A body that cannot be sent again: what was sent is not tried once more.
			res, err := client.Post(h.URL+path, "text/plain", io.LimitReader(strings.NewReader("hit"), 3))
			if err != nil {
				h.T.Errorf("no answer: %v", err)
				return
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if h.alone && res.StatusCode == http.StatusServiceUnavailable {
				h.mu.Lock()
				h.unavailable = append(h.unavailable, time.Now())
				h.mu.Unlock()
				continue
			}
			_, number, _ := strings.Cut(string(body), " ")
			n, errNumber := strconv.Atoi(number)
			if err != nil || errNumber != nil || res.StatusCode != http.StatusOK {
				h.T.Errorf("answer %s %q: %v", res.Status, body, err)
				return
			}
			if n <= last {
				h.T.Errorf("the counter went from %d to %d", last, n)
				return
			}
			last = n
			h.answered.Add(1)
			for took := int64(time.Since(begun)); ; {
				if before := h.longest.Load(); took <= before || h.longest.CompareAndSwap(before, took) {
					break
				}
			}
		}
	})
}

func restartsOf(t *testing.T, otherwise int) int {
	n, err := strconv.Atoi(os.Getenv("ANVIL_STATE_RESTARTS"))
	if err != nil {
		return otherwise
	}
	return n
}

// TestStateGoesAlong: edits of a host struct restart the server under load; what
// is kept goes along, no increment that was answered is lost, and no request
// fails.
func TestStateGoesAlong(t *testing.T) {
	app := keeping(t)
	s := harness.Start(t, app.Dir)
	post(s, "/session", "user", "first")
	since := post(s, "/session", "user", "first")
	h := &hitter{Server: s, stop: make(chan struct{})}
	for range 3 {
		h.hit("/hit", &http.Transport{})
		h.hit("/hit", &http.Transport{DisableKeepAlives: true})
		h.hit("/hit?slow", &http.Transport{})
	}
	two := nettest.HTTP2()
	h.hit("/hit", two)
	h.hit("/hit?slow", two)
	restarts := restartsOf(t, 2)
	field := "	Visits int"
	for n := 1; n <= restarts; n++ {
		cart := post(s, "/cart", "user", "a", "item", "pear")
		if want := fmt.Sprint(n, " ", n); cart != want {
			t.Errorf("restart %d: cart %q, want %q", n, cart, want)
		}
		if got := post(s, "/note"); got != strconv.Itoa(n) {
			t.Errorf("restart %d: %s notes", n, got)
		}
		next := fmt.Sprintf("	Visits int\n	Extra%d [4]string", n)
		s.Edit("models/models.go", field, next)
		field = next
		ev := s.Wait(control.EventLive)
		if ev.Rung != manifest.RungWarmRestart {
			t.Fatalf("restart %d: %q", n, ev.Rung)
		}
		for _, d := range ev.Diagnostics {
			if d.Code == manifest.CodeStateShape && (n == 1 && !strings.HasSuffix(d.Message, "nothing was dropped") || d.Severity != manifest.SeverityInformation) {
				t.Errorf("restart %d: %v", n, d)
			}
		}
		want := strings.Replace(since, "2 ", fmt.Sprint(2+n, " "), 1)
		if got := post(s, "/session", "user", "first"); got != want {
			t.Errorf("restart %d: session %q, want %q", n, got, want)
		}
	}
	close(h.stop)
	h.wg.Wait()
	if got := s.Get("/hits"); got != fmt.Sprint(h.answered.Load()) {
		t.Errorf("%d increments were answered, and the counter is %s", h.answered.Load(), got)
	}
	t.Logf("%d restarts: %d increments answered, the counter is %s; the slowest answer took %v", restarts, h.answered.Load(), s.Get("/hits"), time.Duration(h.longest.Load()).Round(time.Millisecond))
}

// TestStateStory: a restart that fails leaves the old process its state, also if it
// has handed that over; losses are reported; restarts may follow one another at
// once; a fresh one begins anew.
func TestStateStory(t *testing.T) {
	app := keeping(t)
	s := harness.Start(t, app.Dir)
	hits := 0
	hit := func(when string) {
		t.Helper()
		hits++
		if _, n, _ := strings.Cut(post(s, "/hit"), " "); n != strconv.Itoa(hits) {
			t.Errorf("%s: the counter is %s, want %d", when, n, hits)
		}
	}
	hit("at first")
	post(s, "/session", "user", "first")

	s.Edit("models/models.go", "func Check() {}", `func Check() { panic("not today") }`)
	if ev := s.Wait(control.EventKept); !strings.Contains(fmt.Sprint(ev.Diagnostics), "not today") {
		t.Errorf("kept because of %v", ev.Diagnostics)
	}
	hit("after a new process whose handlers panicked")
	s.Edit("main.go", "c := hotreload", "if true {\n\t\tlog.Fatal(\"no config\")\n\t}\n\tc := hotreload")
	if ev := s.Wait(control.EventKept); !strings.Contains(fmt.Sprint(ev.Diagnostics), "no config") {
		t.Errorf("kept because of %v", ev.Diagnostics)
	}
	hit("after a new process that failed")

	s.Edit("models/models.go", `func Check() { panic("not today") }`, "func Check() {}")
	s.Wait(control.EventKept)
	s.Save("models/models.go", strings.ReplaceAll(s.Read("models/models.go"), "since", "began"))
	s.Wait(control.EventKept)
	s.Edit("main.go", "if true {\n\t\tlog.Fatal(\"no config\")\n\t}\n\t", "")
	ev := s.Wait(control.EventLive)
	lost := false
	for _, d := range ev.Diagnostics {
		lost = lost || d.Code == manifest.CodeStateShape && d.Severity == manifest.SeverityWarning && strings.HasSuffix(d.File, "handlers.go") &&
			strings.Contains(d.Message, `state "sessions" was migrated`) && strings.Contains(d.Message, "dropped: field models.Session.since: 1 value of type time.Time, the field is gone")
	}
	if !lost {
		t.Errorf("the field that is gone is not reported: %v", ev.Diagnostics)
	}
	hit("after a restart")
	if got := post(s, "/session", "user", "first"); !strings.HasPrefix(got, "2 ") {
		t.Errorf("session %q", got)
	}

	ctl := s.Control()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			var ev control.Event
			if err := ctl.Post(t.Context(), control.PathRestart, nil, &ev); err != nil || ev.Kind != control.EventLive {
				t.Errorf("restart: %v %v", ev, err)
			}
		})
	}
	both.Wait()
	hit("after two restarts")
	pid := s.Live().Live.PID
	if out, err := exec.Command(harness.Binary(t), "ctl", "restart", "--fresh", "--dir", s.Dir).CombinedOutput(); err != nil {
		t.Errorf("ctl restart --fresh: %v\n%s", err, out)
	}
	if now := s.Live().Live.PID; now == pid {
		t.Error("it did not restart")
	}
	hits = 0
	hit("after a fresh restart")
}

// TestStateWithoutOverlap: where the old process has to end first, its state waits
// for the new one, and for itself, should that fail.
func TestStateWithoutOverlap(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs to see what a process has")
	}
	app := keeping(t)
	app.Edit("main.go", "c := hotreload", fmt.Sprintf(
		"metrics, err := net.Listen(\"tcp\", %q)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}\n\tdefer metrics.Close()\n\tc := hotreload",
		nettest.Reserve(t)))
	app.Edit("main.go", "err := hotreload.LiveServer", "err = hotreload.LiveServer")
	app.Edit("main.go", `"log"`, "\"log\"\n\t\"net\"")
	s := harness.Start(t, app.Dir)
	h := &hitter{Server: s, stop: make(chan struct{}), alone: true}
	h.hit("/hit", &http.Transport{})
	h.hit("/hit", &http.Transport{DisableKeepAlives: true})
	var restarts []time.Time
	s.Edit("models/models.go", "	Visits int", "	Visits int\n	Extra  int")
	restarts = append(restarts, waitEvent(s, control.EventRestarting).Time)
	if ev := s.Wait(control.EventLive); ev.Rung != manifest.RungWarmRestart {
		t.Errorf("rung %q", ev.Rung)
	}
	s.Edit("main.go", "c := hotreload", "if true {\n\t\tlog.Fatal(\"no config\")\n\t}\n\tc := hotreload")
	restarts = append(restarts, waitEvent(s, control.EventRestarting).Time)
	if ev := s.Wait(control.EventKept); !strings.Contains(ev.Message, "and its state") {
		t.Errorf("kept: %s", ev.Message)
	}
	close(h.stop)
	h.wg.Wait()
	h.checkUnavailable(restarts)
	if got := s.Get("/hits"); got != fmt.Sprint(h.answered.Load()) {
		t.Errorf("%d increments were answered, and the counter is %s", h.answered.Load(), got)
	}
}

// The adapter that docs/state.md shows is the one that the sample application
// tests.
func TestDocumentedCarrier(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/state.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("../../../examples/blog/sessions_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, adapter, ok := strings.Cut(string(code), "// What follows up to the test stands in docs/state.md.\n\n")
	adapter, _, cut := strings.Cut(adapter, "\nfunc Test")
	if !ok || !cut || !strings.Contains(string(doc), "```go\n"+adapter+"```") {
		t.Errorf("docs/state.md does not show\n%s", adapter)
	}
}
