package hotreload

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/bind"
)

// Ctx is one request and its answer. It is valid until the handler returns, and
// belongs to the goroutine that the handler runs on.
type Ctx struct {
	Writer  http.ResponseWriter
	Request *http.Request

	scope    *scope
	status   int
	answered bool
}

// Context returns the request's context.
func (c *Ctx) Context() context.Context { return c.Request.Context() }

// Param returns a parameter of the route's pattern, unescaped; empty if the
// pattern has none of that name.
func (c *Ctx) Param(name string) string {
	value, _ := bind.PathParam(c.Request, name)
	return value
}

// Query returns the first value of a query parameter.
func (c *Ctx) Query(name string) string { return c.Request.URL.Query().Get(name) }

// Container returns the Container; nil if the handler is not served by a
// [LiveState].
func (c *Ctx) Container() *Container {
	if c.scope == nil {
		return nil
	}
	return c.scope.container
}

// Generation returns the number of the generation that the handler belongs to.
func (c *Ctx) Generation() int {
	if c.scope == nil {
		return 0
	}
	return c.scope.generation
}

// Status sets the status with which the result of a typed handler is written; the
// default is 200.
func (c *Ctx) Status(status int) { c.status = status }

// JSON answers with v as JSON. If v cannot be encoded nothing is written and the
// error says why. Status 0 means 200.
func (c *Ctx) JSON(status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	return c.write(status, "application/json", body.Bytes())
}

// Text answers with plain text. Status 0 means 200.
func (c *Ctx) Text(status int, s string) error {
	return c.write(status, "text/plain; charset=utf-8", []byte(s))
}

// HTML answers with a page. Nothing is escaped: that is html/template's work.
// Status 0 means 200.
func (c *Ctx) HTML(status int, html string) error {
	return c.write(status, "text/html; charset=utf-8", []byte(html))
}

// Redirect sends the client elsewhere. Status 0 means 303 See Other, which fits
// the answer to a form.
func (c *Ctx) Redirect(status int, url string) error {
	c.answered = true
	http.Redirect(c.Writer, c.Request, url, cmp.Or(status, http.StatusSeeOther))
	return nil
}

// NoContent answers with 204.
func (c *Ctx) NoContent() error {
	c.answered = true
	c.Writer.WriteHeader(http.StatusNoContent)
	return nil
}

// Bind fills the struct that v points to from the request, as the input of a typed
// handler is filled. The error is a [*StatusError] with a 4xx status if the request
// is at fault.
func (c *Ctx) Bind(v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("Bind wants a pointer to a struct, not %T", v)
	}
	b, err := bind.New(target.Type().Elem())
	if err != nil {
		return fmt.Errorf("Bind: %w", err)
	}
	refusal, err := c.fill(b, target.Elem())
	if err != nil {
		return fmt.Errorf("Bind: %w", err)
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// fill sets the struct v from the request. A refusal is the client's mistake.
func (c *Ctx) fill(b *bind.Binding, v reflect.Value) (*StatusError, error) {
	refusal, err := b.Fill(c.Writer, c.Request, v)
	if refusal == nil {
		return nil, err
	}
	return &StatusError{Status: refusal.Status, Detail: refusal.Detail, Err: refusal.Err}, nil
}

// write sends an answer. A client that is gone is not an error of the handler.
func (c *Ctx) write(status int, contentType string, body []byte) error {
	c.answered = true
	c.Writer.Header().Set("Content-Type", contentType)
	c.Writer.WriteHeader(cmp.Or(status, http.StatusOK))
	_, _ = c.Writer.Write(body)
	return nil
}
