package lspserver

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/control/transport"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/enginelink"
)

// TestRemoteLinkFails: an engine that ends in the middle of a command is told from
// one that says no.
func TestRemoteLinkFails(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := transport.ListenUnix(socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	srv := &http.Server{Handler: mux}
	mux.HandleFunc("POST "+control.PathReload, func(w http.ResponseWriter, _ *http.Request) {
		transport.WriteProblem(w, http.StatusServiceUnavailable, errors.New("no disk"))
	})
	mux.HandleFunc("POST "+control.PathRestart, func(http.ResponseWriter, *http.Request) { _ = srv.Close() })
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(listener) }()
	d := newDesk(t)
	f := d.session("app")
	f.link = enginelink.NewRemote(t.Context(), transport.NewClient(socket))
	const words = "ended before it was done"
	if _, err := d.execute("anvil.reload", ""); err == nil || !strings.Contains(err.Error(), "no disk") || strings.Contains(err.Error(), words) {
		t.Errorf("of one that says no: %v", err)
	}
	if _, err := d.execute("anvil.restart", ""); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("of one that ends: %v", err)
	}
	<-ended
	if _, err := d.execute("anvil.restart", ""); err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("of one that has ended: %v", err)
	}
}
