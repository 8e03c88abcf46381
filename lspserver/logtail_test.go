package lspserver

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/internal/engine"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
)

// TestLog: what the live server has printed, whoever has started it.
func TestLog(t *testing.T) {
	d := newDesk(t)
	f := d.session("app")
	fmt.Fprint(f.output, "ours\n\xff\n")
	shows := func(lines int, want string) {
		t.Helper()
		got, err := d.execute("anvil.showLog", "")
		if err != nil || lines == 0 && got.(*textResult).Text != want {
			t.Errorf("the command shows %v, %v; want %q", got, err, want)
		}
		if got := f.log(t.Context(), lines); got != want {
			t.Errorf("%d lines are %q, want %q", lines, got, want)
		}
	}
	shows(0, "ours\n\uFFFD\n")
	shows(1, "\uFFFD\n")
	shows(-1, "ours\n\uFFFD\n")

	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := transport.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	theirs, mux := engine.NewLog(), http.NewServeMux()
	fmt.Fprint(theirs, "theirs\n\xfe\n")
	mux.Handle("GET "+control.PathLog, theirs)
	srv := &http.Server{Handler: mux}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(listener) }()
	f.set(func() {
		f.link, f.attached, f.status.PID = enginelink.NewRemote(t.Context(), transport.NewClient(socket)), true, 4711
	})
	shows(0, "theirs\n\uFFFD\n")
	shows(1, "\uFFFD\n")
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	<-ended
	if got := f.log(t.Context(), 0); !strings.Contains(got, "process id 4711, which does not tell") {
		t.Errorf("of one that does not answer: %q", got)
	}
	f.set(func() { f.link, f.attached = nil, false })
	shows(0, "ours\n\uFFFD\n")
}
