// Package reply writes answers that report errors, and watches whether a handler has
// begun to answer.
package reply

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// Fault is what an error answer says.
type Fault struct {
	Status     int
	Title      string
	Detail     string
	Position   manifest.Position // the fields from here on: in hot mode only
	Stack      string
	Frames     []manifest.Frame // those of Stack
	Generation int
	Made       time.Time // when the code was: newer source is not what it runs
	// Log is the whole truth, which may differ from what the client is told.
	Log string
}

// Problem is the body of an error answer (RFC 9457), with members of its own
// where the fault has more to say.
type Problem struct {
	Title      string             `json:"title"`
	Status     int                `json:"status"`
	Detail     string             `json:"detail,omitempty"`
	Position   *manifest.Position `json:"position,omitempty"`
	Generation int                `json:"generation,omitempty"`
	Stack      string             `json:"stack,omitempty"`
}

// WriteProblem answers with a problem in JSON.
func WriteProblem(w http.ResponseWriter, f Fault) {
	p := Problem{Title: f.Title, Status: f.Status, Detail: f.Detail, Generation: f.Generation, Stack: f.Stack}
	if f.Position.File != "" {
		p.Position = &f.Position
	}
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: strings and numbers
		body = []byte("{}")
	}
	writeAnswer(w, f.Status, "application/problem+json", append(body, '\n'))
}

// WriteText answers with plain text.
func WriteText(w http.ResponseWriter, f Fault) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", f.Status, f.Title)
	if f.Detail != "" {
		fmt.Fprintf(&b, "\n%s\n", f.Detail)
	}
	if f.Position.File != "" {
		fmt.Fprintf(&b, "%s\n", f.Position)
	}
	if f.Stack != "" {
		fmt.Fprintf(&b, "\n%s", f.Stack)
	}
	// Whoever asked for plain text may be looking at a terminal.
	writeAnswer(w, f.Status, "text/plain; charset=utf-8", []byte(visible.Text(b.String())))
}

// writeAnswer replaces whatever a handler prepared but did not send.
func writeAnswer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	for _, name := range []string{
		"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range",
		"Etag", "Last-Modified",
	} {
		h.Del(name)
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client is gone
}

// PrefersText reports whether the client would rather read text than JSON.
func PrefersText(r *http.Request) bool {
	kind := Preferred(r)
	return kind == "html" || kind == "plain"
}

// Preferred returns html, plain or json, whichever the client names first in
// its Accept header; empty if it takes anything. Quality values are not worth
// their code for an error page.
func Preferred(r *http.Request) string {
	for media := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(media)), ";")
		switch media = strings.TrimSpace(media); {
		case media == "text/html", media == "application/xhtml+xml":
			return "html"
		case media == "text/plain":
			return "plain"
		case media == "application/json", strings.HasSuffix(media, "+json"):
			return "json"
		}
	}
	return ""
}
