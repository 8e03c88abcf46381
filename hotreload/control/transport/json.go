package transport

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
)

// maxRequest bounds the body of a request and one event of a stream, in bytes.
// A manifest of a thousand routes takes about a tenth of it.
const maxRequest = 4 << 20

const (
	typeJSON    = "application/json"
	typeProblem = "application/problem+json"
	typeEvents  = "text/event-stream"
)

// WriteJSON answers with v as JSON. A value that cannot be written as JSON is
// answered as a control.Problem with status 500.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		WriteProblem(w, http.StatusInternalServerError, fmt.Errorf("writing the answer: %w", err))
		return
	}
	writeBody(w, status, typeJSON, data)
}

// WriteProblem answers with err as a control.Problem. If err is or wraps a *control.Problem
// that one is sent, and its status, where it has one, wins over status.
func WriteProblem(w http.ResponseWriter, status int, err error) {
	p := control.Problem{Detail: err.Error()}
	if known, ok := errors.AsType[*control.Problem](err); ok {
		p = *known
	}
	p.Status = cmp.Or(p.Status, status, http.StatusInternalServerError)
	p.Title = cmp.Or(p.Title, http.StatusText(p.Status))
	data, err := json.Marshal(p)
	if err != nil { // a struct of strings and an int: cannot happen
		panic(err)
	}
	writeBody(w, p.Status, typeProblem, data)
}

func writeBody(w http.ResponseWriter, status int, contentType string, data []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The only fault is a client that went away; nobody is left to be told.
	_, _ = w.Write(append(data, '\n'))
}

// ReadJSON reads the body of r, one JSON value of at most 4 MiB, into v.
// Fields that v does not have are ignored, so that a newer client can talk to
// an older server. The error is a *control.Problem with status 400.
func ReadJSON(r *http.Request, v any) error {
	data, err := readAll(r.Body, maxRequest)
	if err != nil {
		return badRequest("unreadable body", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return badRequest("empty body", errors.New("this request needs a JSON value as its body"))
	}
	if err := json.Unmarshal(data, v); err != nil {
		return badRequest("bad JSON", err)
	}
	return nil
}

// WriteRaw answers with bytes that are nobody else's business.
func WriteRaw(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // a client that went away is not told
}

// ReadRaw reads the body of r, of at most limit bytes. The error is a *control.Problem
// with status 400.
func ReadRaw(r *http.Request, limit int64) ([]byte, error) {
	data, err := readAll(r.Body, limit)
	if err != nil {
		return nil, badRequest("unreadable body", err)
	}
	return data, nil
}

func badRequest(title string, err error) *control.Problem {
	return &control.Problem{Title: title, Status: http.StatusBadRequest, Detail: err.Error()}
}

// readAll reads everything, or fails when there is more than limit bytes.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return data, nil
}
