package lspserver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
	"github.com/anvilforge/anvil-lsp/lspserver/internal/feature"
)

// openedRoute is the answer to anvil.openRoute.
type openedRoute struct {
	URL string `json:"url"`
	// Opened: the client has shown it. If it has not, Message says why not; the
	// user was told.
	Opened  bool   `json:"opened"`
	Message string `json:"message,omitempty"`
}

// openRoute shows a route in the browser. Without a route it shows the
// application.
//
// The protocol has no way to ask the user for the values of parameters. If the
// client does not send a path, the last one that was asked for is shown again;
// before there was one, the user is told the address with the names of the
// parameters in it.
func openRoute(ctx context.Context, s *Server, f *session, arg feature.CommandArgument) (any, error) {
	v := f.view()
	if v.Status.URL == "" {
		return nil, feature.Failed(errors.New("no live server runs"))
	}
	if arg.Path != "" && !strings.HasPrefix(arg.Path, "/") {
		return nil, feature.Invalid("%q is no path: it begins with a slash", arg.Path)
	}
	path := arg.Path
	for _, mount := range []bool{arg.Mount, !arg.Mount} { // not every client tells it
		last := v.Counters.Of(manifest.RouteKey{Method: arg.Method, Pattern: arg.Pattern, Mount: mount})
		if path == "" && last != nil && feature.Parametric(arg.Pattern) {
			path = last.LastPath
		}
	}
	if path == "" {
		path = strings.TrimSuffix(arg.Pattern, "/*") // below a mounted handler
	}
	out := &openedRoute{URL: feature.URLOf(v, path)}
	switch {
	case arg.Method != "" && arg.Method != "GET" && arg.Method != "*":
		out.Message = fmt.Sprintf("%s cannot be opened in a browser: try  curl -i -X %s %s",
			visible.Line(arg.Method+" "+arg.Pattern), visible.Shell(arg.Method), visible.Shell(out.URL))
	case feature.Parametric(path):
		out.Message = fmt.Sprintf("%s has parameters, and was not asked for yet: open %s with values in their places",
			visible.Line(arg.Pattern), visible.Line(out.URL))
	case !s.client.ShowDocument:
		out.Message = visible.Line(out.URL)
	}
	if out.Message != "" {
		s.showf(protocol.MessageTypeInfo, "%s", out.Message)
		return out, nil
	}
	external := true
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	var result protocol.ShowDocumentResult
	err := s.conn.Call(ctx, protocol.MethodWindowShowDocument,
		&protocol.ShowDocumentParams{URI: uri.URI(out.URL), External: &external}, &result)
	if err != nil {
		return nil, feature.Failed(fmt.Errorf("the client could not open %s: %w", out.URL, err))
	}
	if out.Opened = result.Success; !out.Opened {
		out.Message = visible.Line(out.URL) + " could not be opened here"
		s.showf(protocol.MessageTypeInfo, "%s", out.Message)
	}
	return out, nil
}
