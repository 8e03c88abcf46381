package handlers

import (
	"errors"
	"net/http"
	"strings"

	"example.com/blog/handlers/api"
	"example.com/blog/store"
	"github.com/anvilforge/anvil-lsp/hotreload"
)

// fail answers a request whose handler returned an error: the one place that
// knows which error is which status, and who gets to see what.
func (a *app) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, detail := http.StatusInternalServerError, "Something went wrong here. It is in the log."
	_, invalid := errors.AsType[*store.InvalidError](err)
	withStatus, ok := errors.AsType[*hotreload.StatusError](err)
	switch {
	case ok:
		status, detail = withStatus.Status, withStatus.Detail
	case errors.Is(err, store.ErrNotFound):
		status, detail = http.StatusNotFound, err.Error()
	case invalid:
		status, detail = http.StatusBadRequest, err.Error()
	case hotreload.IsHotMode():
		detail = err.Error()
	}
	if status >= http.StatusInternalServerError {
		a.log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		api.WriteProblem(w, status, detail)
		return
	}
	data := map[string]any{"Status": status, "Detail": detail}
	if err := a.render(w, r, status, "error", http.StatusText(status), data); err != nil {
		a.log.ErrorContext(r.Context(), "error page failed", "err", err)
		http.Error(w, detail, status)
	}
}

func (a *app) notFound(*hotreload.Ctx) error {
	return hotreload.StatusErrorf(http.StatusNotFound, "there is no page at this address")
}
