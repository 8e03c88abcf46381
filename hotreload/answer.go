package hotreload

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// problem is the body of an error answer (RFC 9457), with members of its own
// where the fault has more to say.
type problem struct {
	Title      string             `json:"title"`
	Status     int                `json:"status"`
	Detail     string             `json:"detail,omitempty"`
	Position   *manifest.Position `json:"position,omitempty"`
	Generation int                `json:"generation,omitempty"`
	Stack      string             `json:"stack,omitempty"`
}

func writeProblem(w http.ResponseWriter, f fault) {
	p := problem{Title: f.Title, Status: f.Status, Detail: f.Detail, Generation: f.Generation, Stack: f.Stack}
	if f.Position.File != "" {
		p.Position = &f.Position
	}
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: strings and numbers
		body = []byte("{}")
	}
	writeAnswer(w, f.Status, "application/problem+json", append(body, '\n'))
}

func writeText(w http.ResponseWriter, f fault) {
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
		"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Length", "Content-Range", "Etag", "Last-Modified",
	} {
		h.Del(name)
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error means that the client is gone
}

// prefersText reports whether the client would rather read text than JSON.
func prefersText(r *http.Request) bool {
	kind := preferred(r)
	return kind == "html" || kind == "plain"
}

// preferred returns html, plain or json, whichever the client names first in
// its Accept header; empty if it takes anything. Quality values are not worth
// their code for an error page.
func preferred(r *http.Request) string {
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
