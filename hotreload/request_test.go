package hotreload

import (
	"io"
	"net/http"
	"net/http/httptest"
)

// localRequest returns a request as a developer makes it, for this machine.
func localRequest(method, target string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, target, body)
	r.Host = "localhost:8080"
	return r
}
