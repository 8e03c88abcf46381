package lspserver

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/rpc"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/view/viewtest"
)

// client is an editor that answers everything with null and counts what it was
// asked to ask again.
type client struct {
	out io.Writer

	mu        sync.Mutex
	refreshed []time.Time
	notified  int
	silent    bool // it answers nothing
}

func (c *client) read(in *rpc.Reader) {
	for {
		data, err := in.Next()
		if err != nil {
			return
		}
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal(data, &m) != nil {
			continue
		}
		c.mu.Lock()
		if m.ID == nil {
			c.notified++
			c.mu.Unlock()
			continue
		}
		if m.Method == protocol.MethodWorkspaceCodeLensRefresh {
			c.refreshed = append(c.refreshed, time.Now())
		}
		if !c.silent {
			body := `{"jsonrpc":"2.0","id":` + string(m.ID) + `,"result":null}`
			_, _ = io.WriteString(c.out, "Content-Length: "+itoa(len(body))+"\r\n\r\n"+body)
		}
		c.mu.Unlock()
	}
}

func itoa(n int) string { data, _ := json.Marshal(n); return string(data) }

func (c *client) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.refreshed)
}

// refreshBench is a server with a scene for a session.
type refreshBench struct {
	*viewtest.Scene
	s      *Server
	client *client
	r      *refresher
}

func newRefreshBench(t *testing.T) *refreshBench {
	toServer, fromClient := io.Pipe()
	toClient, fromServer := io.Pipe()
	b := &refreshBench{Scene: viewtest.New(t), client: &client{out: fromClient}}
	b.s = New(Options{In: toServer, Out: fromServer})
	b.s.client = b.View.Client
	ctx, stop := context.WithCancel(t.Context())
	b.s.makeContexts(ctx)
	b.s.docs.Update(func(set *view.DocumentSet) { *set = *b.View.Documents })
	x := &session{s: b.s, dir: b.Folder.Dir}
	x.picture.Store(b.Folder)
	b.s.folders = []*workspaceFolder{{dir: b.Folder.Dir, sessions: []*session{x}}}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = b.s.conn.Run(ctx, b.s) }()
	go b.client.read(rpc.NewReader(toClient))
	t.Cleanup(func() {
		stop()
		fromClient.Close()
		b.s.sessions.Wait()
		<-ended
		toClient.Close()
	})
	b.r = newRefresher(protocol.MethodWorkspaceCodeLensRefresh, func(c view.Client) bool { return c.CodeLensRefresh }, feature.CodeLenses)
	return b
}

// ask asks as the client does.
func (b *refreshBench) ask() {
	b.T.Helper()
	params, _ := json.Marshal(&protocol.CodeLensParams{TextDocument: protocol.TextDocumentIdentifier{URI: uri.File(b.Path)}})
	compute, err := askFor(b.r, func(p *protocol.CodeLensParams) uri.URI { return p.TextDocument.URI }).begin(b.s, params)
	if err == nil {
		_, err = compute(b.T.Context())
	}
	if err != nil {
		b.T.Fatal(err)
	}
}

// request counts one more request of a route.
func (b *refreshBench) request() {
	next := *b.Folder
	s := *next.Counters.Of(manifest.RouteKey{Method: "GET", Pattern: "/"})
	s.Requests++
	next.Counters = next.Counters.With([]control.RouteStats{s})
	b.Folder = &next
	b.s.folders[0].sessions[0].picture.Store(&next)
	b.r.changed(b.s)
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefreshBench(t)
		wait := func(d time.Duration, want int, why string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := b.client.count(); got != want {
				t.Errorf("%s: %d refreshes, want %d", why, got, want)
			}
		}
		b.request()
		wait(time.Minute, 0, "nothing was asked for yet")
		b.ask()
		b.r.changed(b.s)
		wait(time.Minute, 0, "nothing that is seen changed")
		b.request()
		wait(0, 1, "a request")
		b.ask()
		for range 100 { // for ten seconds
			b.request()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * refreshInterval)
		synctest.Wait()
		n := b.client.count()
		if n < 9 || n > 12 {
			t.Errorf("%d refreshes in ten seconds of requests", n)
		}
		wait(time.Minute, n, "idle")
		b.client.mu.Lock()
		at := b.client.refreshed
		b.client.mu.Unlock()
		for i := range at[1:] {
			if d := at[i+1].Sub(at[i]); d < refreshInterval {
				t.Errorf("two refreshes within %v", d)
			}
		}
		b.r.mu.Lock()
		busy := b.r.busy
		b.r.mu.Unlock()
		if busy {
			t.Error("it runs while nothing changes")
		}
		// What the client was told about and did not ask for is told once.
		b.request()
		wait(time.Minute, n+1, "one more request")
		b.r.changed(b.s)
		wait(time.Minute, n+1, "a change that is not seen")
		// A document that is closed is forgotten.
		b.s.docs.Update(func(set *view.DocumentSet) { *set = view.DocumentSet{} })
		b.request()
		wait(time.Minute, n+1, "a closed document")
	})
}

// TestRefreshWithoutAnswers: a client that answers nothing is asked now and
// then, one call at a time.
func TestRefreshWithoutAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefreshBench(t)
		b.client.silent = true
		b.ask()
		for range 600 { // for a minute
			b.request()
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := b.client.count(); n < 2 || n > 1+int(time.Minute/clientPatience) {
			t.Errorf("%d refreshes", n)
		}
	})
}

// TestRefreshChangeMeanwhile: what changes while an answer is computed is not
// lost.
func TestRefreshChangeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newRefreshBench(t)
		compute, err := askFor(b.r, func(p *protocol.CodeLensParams) uri.URI { return uri.File(b.Path) }).begin(b.s, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.request() // the view is older
		if _, err := compute(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := b.client.count(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
	})
}

// TestShutdown: nothing that was going on delays the end, and nothing is said
// after it has begun.
func TestShutdown(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newRefreshBench(t)
			b.client.silent = silent
			b.ask()
			b.request()
			b.r.changed(b.s)
			synctest.Wait() // in the pause after a refresh, or waiting for its answer
			if n := b.client.count(); n != 1 {
				t.Fatalf("%d refreshes", n)
			}
			begun := time.Now()
			b.s.phase = phaseInitialized
			compute, err := b.s.begin(protocol.MethodShutdown, nil)
			if err != nil {
				t.Fatal(err)
			}
			b.request()
			b.r.changed(b.s)
			b.s.logf(protocol.MessageTypeInfo, "too late")
			if _, err := compute(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took != 0 {
				t.Errorf("shutdown took %v", took)
			}
			synctest.Wait()
			b.client.mu.Lock()
			defer b.client.mu.Unlock()
			if len(b.client.refreshed) != 1 || b.client.notified != 0 {
				t.Errorf("%d refreshes, %d notifications", len(b.client.refreshed), b.client.notified)
			}
		})
	}
}
