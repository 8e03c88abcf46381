package lspserver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.lsp.dev/protocol"

	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/trust"
)

func TestWordOf(t *testing.T) {
	yes, no := new(true), new(false)
	for object, want := range map[string]*bool{
		``: nil, `null`: nil, `[]`: nil, `true`: nil, `{}`: nil, `{"onSave":"always"}`: nil,
		`{"trusted":null}`: nil, `{"trusted":true}`: yes, `{"trusted":false}`: no,
		`{"trusted":"true"}`: no, `{"trusted":1}`: no, `{"trusted":[]}`: no, `{"trusted":{}}`: no, `{"trusted":""}`: no,
		`{"Trusted":true}`: no, `{"TRUSTED":false}`: no,
		`{"trusted":true,"trusted":false}`: no, `{"trusted":false,"trusted":true}`: no, `{"trusted":true,"Trusted":true}`: no, `{"trusted":true,"trusted":true}`: yes,
		`{"trusted":true,"onSave":3}`: yes, `{"trusted":true,"checkDelay":`: no, `{"trusted":true,,}`: no, `{"inner":{"trusted":true}}`: nil,
		`{"tru\u0073ted":true}`: yes, `{"tru\u0073ted":false,"trusted":true}`: no,
	} {
		got := wordOf(json.RawMessage(object))
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%s: %s, want %s", object, word(got), word(want))
		}
	}
}

func word(b *bool) string {
	switch {
	case b == nil:
		return "nothing"
	case *b:
		return "trusted"
	}
	return "not trusted"
}

// questions answers what the user is asked about directories, and counts how many
// questions stand at the same time.
type questions struct {
	answers map[string]string // what is sent, by the end of the directory; none: nothing is

	mu    sync.Mutex
	asked []string
}

func (q *questions) answer(method string, params json.RawMessage) string {
	var p protocol.ShowMessageRequestParams
	if method != protocol.MethodWindowShowMessageRequest || protocol.Unmarshal(params, &p) != nil {
		return "null"
	}
	dir, _, _ := strings.Cut(strings.TrimPrefix(p.Message, "Run the code in "), "?")
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = append(q.asked, filepath.Base(dir))
	return q.answers[filepath.Base(dir)]
}

func (q *questions) told() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return strings.Join(q.asked, " ")
}

// untold is a desk whose client said nothing about trust.
func untold(t *testing.T, store *trust.Store, answers map[string]string) (*desk, *questions) {
	q := &questions{answers: answers}
	d := newDesk(t)
	d.client.answer = q.answer
	d.s.trustWord(nil)
	if store != nil {
		d.s.trust.store = store
	}
	return d, q
}

// wonder has the user asked about an application, as its session does.
func (d *desk) wonder(f *session) {
	if !f.trusted.Load() {
		d.s.askWhether(d.s.subject(f.dir), false)
	}
}

const (
	sayRun      = `{"title":"Run"}`
	sayNever    = `{"title":"Never"}`
	sayNotNow   = `{"title":"Not now"}`
	sayNothing  = `null`
	sayWeird    = `{"title":"run"}`
	cannotBeAsk = `null,"error":{"code":-32601,"message":"no such method"}`
)

// TestAskedOnce: each folder is asked about once, one after the other, and the
// answer is kept for the next time.
func TestAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := untold(t, nil, map[string]string{"yes": sayRun, "no": sayNever, "later": sayNotNow, "gone": sayNothing, "odd": sayWeird, "mute": cannotBeAsk})
		all := map[string]*session{}
		for _, name := range []string{"yes", "no", "later", "gone", "odd", "mute"} {
			all[name] = d.session(name)
			d.wonder(all[name])
			d.wonder(all[name])
		}
		synctest.Wait()
		if got := q.told(); got != "yes no later gone odd mute" {
			t.Errorf("asked about %q", got)
		}
		for name, f := range all {
			if may := d.s.mayRun(f.dir); may != (name == "yes") {
				t.Errorf("%s may run: %v", name, may)
			}
		}
		// Whoever has not answered is told what to do, once.
		var told []string
		for _, m := range d.client.all(protocol.MethodWindowShowMessage) {
			if !strings.Contains(string(m.Params), "anvil-lsp trust /") {
				t.Errorf("told %s", m.Params)
			}
			for name, f := range all {
				if strings.Contains(string(m.Params), f.dir+",") {
					told = append(told, name)
				}
			}
		}
		if got := strings.Join(told, " "); got != "later gone odd mute" {
			t.Errorf("told about %q", got)
		}
		// A command asks again, but not who said never.
		for name, f := range all {
			err := f.want(true)
			if (err == nil) != (name == "yes") {
				t.Errorf("started %s: %v", name, err)
			}
			if err != nil && !strings.Contains(err.Error(), "anvil-lsp trust "+f.dir) {
				t.Errorf("%s is not started: %v", name, err)
			}
		}
		synctest.Wait()
		if got := len(strings.Fields(q.told())); got != 6+4 {
			t.Errorf("asked %q", q.told())
		}

		next, again := untold(t, d.s.trust.store, nil)
		for _, name := range []string{"yes", "no"} {
			dir := all[name].dir
			f := newSession(next.s, t.Context(), func() {}, dir, dir, nil)
			if f.trusted.Load() != (name == "yes") {
				t.Errorf("%s is trusted: %v", name, f.trusted.Load())
			}
			next.wonder(f)
		}
		synctest.Wait()
		if got := again.told(); got != "" {
			t.Errorf("asked again about %q", got)
		}
	})
}

// TestOneQuestionAtATime: the next question waits for the answer to the one
// before, and none is asked that this has answered.
func TestOneQuestionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := untold(t, nil, nil) // nobody answers
		outer, other := d.session("outer"), d.session("other")
		inner := filepath.Join(outer.dir, "inner")
		d.wonder(outer)
		d.s.askWhether(inner, false)
		d.wonder(other)
		synctest.Wait()
		if got := q.told(); got != "outer" {
			t.Fatalf("asked about %q at the same time", got)
		}
		asked := d.client.all(protocol.MethodWindowShowMessageRequest)
		d.client.send(`{"jsonrpc":"2.0","id":` + string(asked[0].ID) + `,"result":` + sayRun + `}`)
		synctest.Wait()
		if got := q.told(); got != "outer other" {
			t.Errorf("asked about %q", got)
		}
		if !d.s.mayRun(inner) || d.s.mayRun(other.dir) {
			t.Error("the answer does not hold for what is below, or holds for another")
		}
	})
}

// TestWordWithdrawsQuestion: when the client says it after all the question is
// taken back, and nothing is kept.
func TestWordWithdrawsQuestion(t *testing.T) {
	for _, tt := range []struct {
		params string
		may    bool
	}{{`{"trusted":true}`, true}, {`{"trusted":false}`, false}, {`{"trusted":"true"}`, false}, {`{}`, false}, {`null`, false}} {
		synctest.Test(t, func(t *testing.T) {
			d, _ := untold(t, nil, nil)
			f := d.session("app")
			d.wonder(f)
			synctest.Wait()
			d.s.Notify("anvil/trust", json.RawMessage(tt.params))
			synctest.Wait()
			if got := d.s.mayRun(f.dir); got != tt.may {
				t.Errorf("after %s it may run: %v", tt.params, got)
			}
			if n := len(d.client.all("$/cancelRequest")); n != 1 {
				t.Errorf("after %s the question was taken back %d times", tt.params, n)
			}
			if list, err := d.s.trust.store.List(); err != nil || len(list) != 0 {
				t.Errorf("kept: %v %v", list, err)
			}
			if told := d.client.all(protocol.MethodWindowShowMessage); len(told) != 0 {
				t.Errorf("told %s", told[0].Params)
			}
		})
	}
}

// TestSettingsRefuse: settings, which a checkout may bring, can refuse trust but
// not give it.
func TestSettingsRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := untold(t, nil, nil)
		f := d.session("app")
		configure := func(raw string) { d.s.configure(json.RawMessage(raw), nil) }
		configure(`{"trusted":true}`)
		synctest.Wait()
		if d.s.mayRun(f.dir) {
			t.Error("trusted by a setting")
		}
		if logged := d.client.all(protocol.MethodWindowLogMessage); len(logged) != 1 || !strings.Contains(string(logged[0].Params), "anvil-lsp trust DIR") {
			t.Errorf("logged %s", logged)
		}
		if err := d.s.trust.store.Set(f.dir, trust.Run); err != nil {
			t.Fatal(err)
		}
		for _, raw := range []string{`{"trusted":false}`, `{"trusted":"true"}`, `{"trusted":true,"trusted":false}`} {
			configure(raw)
			if d.s.mayRun(f.dir) {
				t.Errorf("trusted against %s", raw)
			}
			configure(`{"trusted":null}`)
			if !d.s.mayRun(f.dir) {
				t.Errorf("not trusted after %s was taken back", raw)
			}
		}
		d.s.trustWord(new(true))
		configure(`{"trusted":false}`)
		if d.s.mayRun(f.dir) {
			t.Error("of two words that contradict each other the one that trusts was taken")
		}
	})
}

// TestTrustElsewhere: what the user says in a terminal holds from the next save
// on.
func TestTrustElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := untold(t, nil, nil)
		f := d.session("app")
		path := filepath.Join(f.dir, "main.go")
		d.open(path, "package main\n")
		if err := d.s.trust.store.Set(f.dir, trust.Run); err != nil {
			t.Fatal(err)
		}
		d.save(path)
		if !f.trusted.Load() || f.ctx.Err() == nil {
			t.Error("the session without trust goes on") // a new one begins in its place
		}
		g := newSession(d.s, t.Context(), func() {}, f.dir, f.dir, nil)
		d.s.folders[0].sessions = []*session{g}
		if _, err := d.s.trust.store.Forget(f.dir); err != nil {
			t.Fatal(err)
		}
		d.save(path)
		if g.trusted.Load() || g.wanted() {
			t.Error("trust that was taken back still holds")
		}
		select {
		case <-g.poked:
		default:
			t.Error("the live server is not ended")
		}
	})
}

// TestNothingReadOfTheCheckout: what is in .anvil is the checkout's.
func TestNothingReadOfTheCheckout(t *testing.T) {
	d, _ := untold(t, nil, nil)
	dir := filepath.Join(t.TempDir(), "app")
	d.write(filepath.Join(dir, ".anvil", "decisions.json"), `{"ANV001":"keep"}`)
	for _, word := range []*bool{nil, new(false), new(true)} {
		d.s.trustWord(word)
		if f := newSession(d.s, t.Context(), func() {}, dir, dir, nil); f.memory.Of("ANV001", "ask") != "ask" {
			t.Error("a decision of the checkout holds")
		}
	}
}

func TestSubject(t *testing.T) {
	d, _ := untold(t, nil, nil)
	home := view.RealPath(t.TempDir())
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	app := filepath.Join(home, "src", "shop", "cmd")
	if err := os.MkdirAll(app, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		folders []string
		want    string
	}{
		{[]string{filepath.Join(home, "src")}, filepath.Join(home, "src")},
		{[]string{filepath.Join(home, "src"), filepath.Join(home, "src", "shop")}, filepath.Join(home, "src", "shop")},
		{[]string{home}, app}, // too much for one question
		{[]string{filepath.Dir(home)}, app},
		{[]string{"/"}, app},
		{nil, app},
		{[]string{filepath.Join(app, "handlers")}, app},
	} {
		d.s.folders = nil
		for _, dir := range tt.folders {
			d.s.folders = append(d.s.folders, &workspaceFolder{given: dir, dir: dir})
		}
		if got := d.s.subject(app); got != tt.want {
			t.Errorf("folders %q: asked about %s, want %s", tt.folders, got, tt.want)
		}
	}
}
