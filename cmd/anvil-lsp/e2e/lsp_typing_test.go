package e2e

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit/harness"
	"github.com/anvilforge/anvil-lsp/lspserver/lsptest"
)

// cpu returns the processor time that a process has used, in ticks.
func cpu(t testing.TB, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("%s", data)
	}
	return user + system
}

// awaitIdle waits until a process uses no processor time, however often it is looked
// at: where the machine is busy, time may pass in which neither has its turn.
func awaitIdle(t testing.TB, pid int) {
	t.Helper()
	const looks = 27 // 2 s, where the machine is idle
	last, same := cpu(t, pid), 0
	harness.Until(t, "the processor to be idle", func() bool {
		same++
		if now := cpu(t, pid); now != last {
			last, same = now, 0
		}
		return same >= looks
	})
}

// TestEditorTyping: a thousand keystrokes leave no diagnostics for an older
// version, and nothing to do.
func TestEditorTyping(t *testing.T) {
	harness.NeedProc(t)
	e := harness.OpenEditor(t, harness.CopyApp(t, "blog"), nil)
	e.Open("handlers/pages.go")
	const body = "func (a *app) home(c *hotreload.Ctx) error {\n"
	e.Edit("handlers/pages.go", body, body+"\t// \n")
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	typed := "\t// "
	for i := range 1000 {
		<-pace.C
		next := string(rune('a' + i%26))
		if i%100 == 99 {
			next = "\n\t// "
		}
		e.Edit("handlers/pages.go", typed+"\n", typed+next+"\n")
		typed += next
		if i%100 == 99 {
			typed = "\t// "
		}
		if i == 500 {
			e.Edit("handlers/pages.go", harness.ShowPost, harness.ShowPostBroken)
		}
	}
	last := e.Version("handlers/pages.go")
	e.Await("the prediction for the last version", func(s *lsptest.State) bool {
		p := s.In("handlers/pages.go")
		return p.Version != nil && *p.Version == last && s.Has("handlers/pages.go", manifest.CodeSignature)
	})
	awaitIdle(t, e.Cmd.Process.Pid)
	e.Look(func(s *lsptest.State) {
		if p := s.In("handlers/pages.go"); *p.Version != last || !s.Has("handlers/pages.go", manifest.CodeSignature) {
			t.Errorf("version %d is shown, the last is %d", *p.Version, last)
		}
		if s.Published > 1000 {
			t.Errorf("diagnostics were published %d times", s.Published)
		}
	})
}

// TestEditorSilentClient: a client that writes and never reads is let wait, and
// costs no memory.
func TestEditorSilentClient(t *testing.T) {
	harness.NeedProc(t)
	e := silentEditor(t)
	pid := e.Cmd.Process.Pid
	written := make(chan int64, 1)
	go func() {
		text := strings.Repeat("x", 10_000)
		n := int64(0)
		for i := 0; ; i++ {
			body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"no/such/method","params":{"text":%q}}`, i+10, text)
			k, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
			if n += int64(k); err != nil {
				written <- n
				return
			}
		}
	}()
	awaitIdle(t, pid)
	if used := harness.RSS(t, pid); used > 200<<20 {
		t.Errorf("%d MB are used", used>>20)
	}
	e.in.Close()
	e.Stdout.Close()
	if code := e.Wait(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if n := <-written; n > 100<<20 {
		t.Errorf("%d MB were read although no answer was", n>>20)
	}
}

// mute is a language server whose output nobody reads.
type mute struct {
	*harness.Editor
	in io.WriteCloser
}

func silentEditor(t *testing.T) *mute {
	t.Helper()
	e := harness.StartProcess(t, t.TempDir())
	body := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"rootUri":null,"capabilities":{}}}`
	if _, err := fmt.Fprintf(e.Stdin, "Content-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		t.Fatal(err)
	}
	return &mute{Editor: e, in: e.Stdin}
}

// TestEditorMalformed: the built binary survives what no client should send.
func TestEditorMalformed(t *testing.T) {
	e := harness.StartEditor(t, t.TempDir())
	e.Raw([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	e.Raw([]byte("Content-Length: 3\r\n\r\n{{{"))
	if err := e.Call("textDocument/hover", map[string]any{}, nil); err == nil || !strings.Contains(err.Error(), "before initialize") {
		t.Errorf("a request before initialize: %v", err)
	}
	e.Initialize(lsptest.Options{Root: e.Dir})
	if err := e.Call("initialize", map[string]any{"capabilities": map[string]any{}}, nil); err == nil {
		t.Error("a second initialize succeeded")
	}
	for _, m := range []struct {
		method string
		params any
	}{
		{"no/such/method", nil}, {"workspace/executeCommand", []int{1}}, {"workspace/executeCommand", map[string]any{"command": "rm"}},
		{"anvil/routes", map[string]any{"folder": 7}}, {"anvil/statusOf", map[string]any{"folder": "file:///nowhere"}},
	} {
		if err := e.Call(m.method, m.params, nil); err == nil {
			t.Errorf("%s with %v succeeded", m.method, m.params)
		}
	}
	e.Notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": "file:///nowhere.go", "version": 1}, "contentChanges": []any{}})
	e.Notify("textDocument/didChange", map[string]any{"textDocument": "what"})
	e.Notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": "untitled:1", "languageId": "go", "version": 1, "text": "package p"}})
	e.Notify("textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": "untitled:1", "version": 2},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": map[string]any{"line": 4294967295, "character": 4294967295}, "end": map[string]any{"line": 0, "character": 0}}, "text": "x"}},
	})
	e.Raw(append(fmt.Appendf(nil, "Content-Length: %d\r\n\r\n", 64<<20+1), bytes.Repeat([]byte(" "), 64<<20+1)...))
	if err := e.Call("anvil/statusOf", nil, nil); err == nil || !strings.Contains(err.Error(), "no application") {
		t.Errorf("after all that: %v", err)
	}
	e.Shutdown()
	if code := e.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
