package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
)

// TestKeys checks what each command asks of the engine, and that nothing that a
// user mistypes asks for anything.
func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		typed string
		asked []string // paths of the protocol
		noted string
	}{
		{"r\n", []string{control.PathReload}, ""},
		{"R\n", []string{control.PathRestart}, ""},
		{"b\n", []string{control.PathRollback}, ""},
		{"  r \r\n", []string{control.PathReload}, ""},
		{"o\n", []string{control.PathStatus}, "opened http://127.0.0.1:8080"},
		{"s\n", []string{control.PathStatus}, "live, generation 3"},
		{"h\n", nil, "roll back"},
		{"?\n", nil, "quit"},
		{"\n\n", nil, ""},
		{"rR\nreload\n", nil, "no such command"},
		{"r", []string{control.PathReload}, ""}, // and then the end of the input
		{"r\nR\nr\n", []string{control.PathReload, control.PathRestart, control.PathReload}, ""},
		{"q\nr\n", nil, "stopped"},
	} {
		t.Run(strings.TrimSpace(tt.typed), func(t *testing.T) {
			dir, err := os.MkdirTemp("", "keys") // short enough for a socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			var mu sync.Mutex
			var asked, notes []string
			socket := filepath.Join(dir, "engine.sock")
			l, err := transport.ListenUnix(socket)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				asked = append(asked, r.URL.Path)
				mu.Unlock()
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"state":"live","generation":3,"url":"http://127.0.0.1:8080"}`)
			})}
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			defer func() {
				_ = server.Close()
				<-served
			}()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
			r := &remote{dir: dir, client: transport.NewClient(socket)}
			k := &keys{engine: r, note: note, stop: func() { note("stopped"); cancel() },
				open: func(_ context.Context, url string) error { note("opened %s", url); return nil },
				url: func(ctx context.Context) (string, error) {
					s, err := r.status(ctx)
					if err != nil {
						return "", err
					}
					return s.URL, nil
				}}
			k.follow(ctx, strings.NewReader(tt.typed))
			if !slices.Equal(asked, tt.asked) {
				t.Errorf("asked for %q, want %q", asked, tt.asked)
			}
			if got := strings.Join(notes, "\n"); !strings.Contains(got, tt.noted) || tt.noted == "" && got != "" {
				t.Errorf("noted %q, want %q", got, tt.noted)
			}
		})
	}
}

// TestKeysWithoutEngine checks that a command says why it cannot be carried out.
func TestKeysWithoutEngine(t *testing.T) {
	var notes []string
	k := &keys{engine: connect(t.TempDir()), note: func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }}
	k.follow(t.Context(), strings.NewReader("r\n"))
	if len(notes) != 1 || !strings.Contains(notes[0], errNotRunning.Error()) {
		t.Errorf("noted %q", notes)
	}
}

// background is a terminal that another job has for the first reads.
type background struct {
	reads int
	then  io.Reader
}

func (b *background) Read(p []byte) (int, error) {
	if b.reads > 0 {
		b.reads--
		return 0, &os.PathError{Op: "read", Path: "terminal", Err: syscall.EIO}
	}
	return b.then.Read(p)
}

func TestKeysInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var notes []string
		k := &keys{note: func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }}
		k.follow(t.Context(), &background{3, strings.NewReader("h\n")})
		if len(notes) != 1 {
			t.Errorf("noted %q after the job came to the front", notes)
		}
	})
}
