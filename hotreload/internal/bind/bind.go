// Package bind fills the input of typed handlers from requests: path parameters, the
// query, and a JSON body.
package bind

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/rules"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
	"github.com/go-chi/chi/v5"
)

// MaxBody bounds a JSON body, in bytes. Middleware may set a lower bound with
// http.MaxBytesReader.
const MaxBody = 4 << 20

// Binding says how a struct is filled from a request.
type Binding struct {
	fields []boundField
	body   bool // some fields come from the JSON body
}

type boundField struct {
	rules.Field
	parse parser
}

// parser sets a value from its text. The error is a phrase that completes
// `"x" is ...`.
type parser func(v reflect.Value, text string) error

func New(t reflect.Type) (*Binding, error) {
	types := rules.Types{
		Name:   func(t shape.Type) string { return symbol.NameOf(t.(shape.Reflected).T) },
		IsText: func(t shape.Type) bool { return isText(t.(shape.Reflected).T) },
	}
	rule, err := types.Bind(shape.Reflected{T: t})
	b := &Binding{body: rule.Body}
	for _, f := range rule.Fields {
		typ := t.FieldByIndex(f.Index).Type
		if f.List {
			typ = typ.Elem()
		}
		b.fields = append(b.fields, boundField{f, parserFor(typ)})
	}
	return b, err
}

func isText(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// parserFor returns the parser for a type that package rules allows.
func parserFor(t reflect.Type) parser {
	switch {
	case isText(t):
		return func(v reflect.Value, text string) error {
			err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
			if err != nil {
				return fmt.Errorf("not valid: %w", err)
			}
			return nil
		}
	case t == reflect.TypeFor[time.Duration]():
		return func(v reflect.Value, text string) error {
			d, err := time.ParseDuration(text)
			v.SetInt(int64(d))
			return phrase(err, "a duration such as 1m30s")
		}
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, text string) error {
			v.SetString(text)
			return nil
		}
	case reflect.Bool:
		return func(v reflect.Value, text string) error {
			b, err := strconv.ParseBool(text)
			v.SetBool(b)
			return phrase(err, "true or false")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value, text string) error {
			n, err := strconv.ParseInt(text, 10, t.Bits())
			v.SetInt(n)
			return phrase(err, "a whole number")
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value, text string) error {
			n, err := strconv.ParseUint(text, 10, t.Bits())
			v.SetUint(n)
			return phrase(err, "a whole number that is not negative")
		}
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, text string) error {
			n, err := strconv.ParseFloat(text, t.Bits())
			v.SetFloat(n)
			return phrase(err, "a number")
		}
	case reflect.Pointer:
		parse := parserFor(t.Elem())
		return func(v reflect.Value, text string) error {
			v.Set(reflect.New(t.Elem()))
			return parse(v.Elem(), text)
		}
	}
	return nil
}

func phrase(err error, want string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errors.New("out of range")
	}
	return fmt.Errorf("not %s", want)
}

// Refusal says why a request cannot be bound.
type Refusal struct {
	Status int
	Detail string // for the client
	Err    error  // the cause; may be nil
}

// Fill sets the struct v from the request. A refusal is the client's mistake,
// an error the program's.
func (b *Binding) Fill(w http.ResponseWriter, r *http.Request, v reflect.Value) (*Refusal, error) {
	if b.body {
		if refused := readBody(w, r, v.Addr().Interface()); refused != nil {
			return refused, nil
		}
	}
	var query url.Values
	for _, f := range b.fields {
		field := v.FieldByIndex(f.Index)
		field.SetZero() // whatever the body said
		var texts []string
		switch f.From {
		case rules.FromPath:
			text, ok := PathParam(r, f.Name)
			if !ok {
				return nil, fmt.Errorf("%s has a field with the tag path:%q, but the route's pattern has no {%[2]s}",
					symbol.NameOf(v.Type()), f.Name)
			}
			texts = []string{text}
		case rules.FromQuery:
			if query == nil {
				query = r.URL.Query()
			}
			texts = query[f.Name]
		}
		if err := f.set(field, texts); err != nil {
			return &Refusal{Status: http.StatusBadRequest, Detail: err.Error()}, nil
		}
	}
	return nil, nil
}

func (f *boundField) set(v reflect.Value, texts []string) error {
	for _, text := range texts {
		target := v
		if f.List {
			v.Grow(1)
			v.SetLen(v.Len() + 1)
			target = v.Index(v.Len() - 1)
		} else if text == "" && f.From == rules.FromQuery && v.Kind() != reflect.String {
			return nil // an empty form field
		}
		if err := f.parse(target, text); err != nil {
			return fmt.Errorf("%s parameter %q: %q is %w", f.From, f.Name, text, err)
		}
		if !f.List {
			return nil
		}
	}
	return nil
}

// PathParam returns a parameter of the route's pattern.
func PathParam(r *http.Request, name string) (value string, ok bool) {
	if rctx := chi.RouteContext(r.Context()); rctx != nil && slices.Contains(rctx.URLParams.Keys, name) {
		// chi matches the escaped path if it has one.
		value := rctx.URLParam(name)
		if plain, err := url.PathUnescape(value); err == nil && r.URL.RawPath != "" {
			value = plain
		}
		return value, true
	}
	value = r.PathValue(name)
	return value, value != ""
}

// readBody decodes a JSON body. An empty one leaves v as it is.
func readBody(w http.ResponseWriter, r *http.Request, v any) *Refusal {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil
	}
	// The content type matters only where there is content.
	if kind := r.Header.Get("Content-Type"); kind != "" && !isJSON(kind) {
		detail := fmt.Sprintf("the body is %s, want application/json", kind)
		return &Refusal{Status: http.StatusUnsupportedMediaType, Detail: detail}
	}
	refuse := func(status int, format string, args ...any) *Refusal {
		return &Refusal{Status: status, Detail: fmt.Sprintf(format, args...), Err: err}
	}
	if err == nil {
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return refuse(http.StatusBadRequest, "the body goes on after its JSON value")
		}
		return nil
	}
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", large.Limit)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(http.StatusBadRequest, "the body is not JSON: it ends too early")
	case errors.As(err, &syntax):
		return refuse(http.StatusBadRequest, "the body is not JSON, at byte %d: %v", syntax.Offset, err)
	case errors.As(err, &mismatch):
		field := strings.TrimPrefix(mismatch.Field, ".")
		if field == "" {
			return refuse(http.StatusBadRequest, "the body is a JSON %s, want an object", mismatch.Value)
		}
		return refuse(http.StatusBadRequest, "field %q of the body is a JSON %s, want %s",
			field, mismatch.Value, jsonWant(mismatch.Type))
	}
	return refuse(http.StatusBadRequest, "the body cannot be read: %v", err)
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// jsonWant names what JSON would fit a type, in the client's words.
func jsonWant(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	}
	return "another kind of value"
}
