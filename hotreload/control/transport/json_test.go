package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

func TestReadJSONRefusesWhatIsNotOneValue(t *testing.T) {
	for name, test := range map[string]struct{ body, title, detail string }{
		"empty":      {"", "empty body", "needs a JSON value"},
		"blank":      {" \n", "empty body", "needs a JSON value"},
		"cut short":  {`{"generation":`, "bad JSON", "unexpected end"},
		"two values": {`{} {}`, "bad JSON", "after top-level value"},
		"wrong type": {`{"generation":"7"}`, "bad JSON", "generation"},
		"too long":   {`"` + strings.Repeat("x", maxRequest) + `"`, "unreadable body", "more than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			var into control.RollbackRequest
			err := ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(test.body)), &into)
			p, ok := err.(*control.Problem)
			if !ok || p.Status != 400 || p.Title != test.title || !strings.Contains(p.Detail, test.detail) {
				t.Errorf("ReadJSON = %#v, want a problem with status 400, title %q, detail with %q", err, test.title, test.detail)
			}
		})
	}
}

func TestReadJSONIgnoresUnknownFields(t *testing.T) {
	var into control.RollbackRequest
	err := ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(`{"generation":7,"newer":true}`)), &into)
	if err != nil || into.Generation != 7 {
		t.Errorf("ReadJSON = %v, %+v", err, into)
	}
}

func TestWriteProblem(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		err    error
		want   string
	}{
		"plain error":     {409, errors.New("busy"), `{"title":"Conflict","status":409,"detail":"busy"}`},
		"own status wins": {500, fmt.Errorf("loading: %w", &control.Problem{Title: "unknown generation", Status: 404}), `{"title":"unknown generation","status":404}`},
		"no status":       {0, errors.New("oops"), `{"title":"Internal Server Error","status":500,"detail":"oops"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			WriteProblem(w, test.status, test.err)
			if got := strings.TrimSpace(w.Body.String()); got != test.want {
				t.Errorf("body %s, want %s", got, test.want)
			}
			if !strings.Contains(test.want, fmt.Sprint(w.Code)) || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, header %v", w.Code, w.Header())
			}
		})
	}
}

func TestWriteJSONOfWhatIsNotJSON(t *testing.T) {
	w := httptest.NewRecorder()
	WriteJSON(w, http.StatusOK, func() {})
	if w.Code != 500 || !strings.Contains(w.Body.String(), "unsupported type") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(`{"generation":7,"plugin":"a.so","hot":["x/y"],"deadline_ms":12.5}`)
	f.Add(`{"deadline_ms":1e400}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, body string) {
		var into control.LoadRequest
		err := ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(body)), &into)
		if err == nil {
			return
		}
		if p, ok := err.(*control.Problem); !ok || p.Status != 400 || p.Title == "" || p.Detail == "" {
			t.Errorf("ReadJSON(%q) = %#v, want a *control.Problem that says what is wrong", body, err)
		}
	})
}
