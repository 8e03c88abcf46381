package hotreload

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/reply"
)

func TestResponseOffersWhatTheServerOffers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serving(t, func(r *RouteSink) {
		r.Get("/flush", func(w http.ResponseWriter, r *http.Request) {
			if reply.Answered(w) {
				t.Error("answered before it was")
			}
			w.(http.Flusher).Flush()
			if !reply.Answered(w) {
				t.Error("not answered after a flush")
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "flushed")
		})
		r.Get("/file", func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if n, err := w.(io.ReaderFrom).ReadFrom(f); n != 7 || err != nil || !reply.Answered(w) {
				t.Errorf("ReadFrom: %d, %v", n, err)
			}
		})
		r.Get("/hijack", func(w http.ResponseWriter, r *http.Request) {
			conn, rw, err := w.(http.Hijacker).Hijack()
			if err != nil || !reply.Answered(w) {
				t.Errorf("Hijack: %v", err)
				return
			}
			defer conn.Close()
			_, _ = rw.WriteString("HTTP/1.0 200 OK\r\n\r\nhijacked")
			_ = rw.Flush()
		})
		r.Get("/continue", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			if reply.Answered(w) {
				t.Error("1xx counts as the answer")
			}
			w.WriteHeader(http.StatusAccepted)
			io.WriteString(w, "accepted")
		})
	})
	srv := httptest.NewServer(s)
	defer srv.Close()
	for path, want := range map[string]string{
		"/flush": "200 flushed", "/file": "200 content", "/hijack": "200 hijacked", "/continue": "202 accepted",
	} {
		if got := get(t, srv.URL+path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

// get returns the status and the body of an answer.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(resp.Status[:3] + " " + string(body))
}

type bareWriter struct{ http.ResponseWriter }

type hijackable struct{ http.ResponseWriter }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrHijacked }

func TestResponseOffersNoMore(t *testing.T) {
	plain, _ := reply.Watch(bareWriter{httptest.NewRecorder()})
	if _, ok := plain.(http.Flusher); ok {
		t.Error("a writer that cannot flush does")
	}
	recorder, seen := reply.Watch(httptest.NewRecorder())
	if _, ok := recorder.(http.Hijacker); ok {
		t.Error("a writer that cannot hijack does")
	}
	if _, ok := recorder.(http.Flusher); !ok {
		t.Error("a writer that can flush does not")
	}
	if seen.Begun() {
		t.Error("begun too early")
	}
	_, _ = recorder.Write(nil)
	if !seen.Begun() || seen.Status != http.StatusOK {
		t.Error("a write does not begin the answer")
	}
	// Whatever is below is still found by http.ResponseController.
	below, _ := reply.Watch(hijackable{httptest.NewRecorder()})
	if _, _, err := http.NewResponseController(below).Hijack(); err != http.ErrHijacked {
		t.Errorf("Hijack through Unwrap: %v", err)
	}
}
