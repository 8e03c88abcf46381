package shape

import (
	"encoding/json"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// maxExampleDepth bounds how far an example goes into structs inside each other.
const maxExampleDepth = 4

// Example is what a request to a typed handler can look like.
type Example struct {
	Query string `json:"query,omitempty"` // behind the question mark
	Body  string `json:"body,omitempty"`  // indented JSON
}

// ExampleOf returns an example for the shape of a typed handler,
// func(*hotreload.Ctx, In) (Out, error), by the fields of In and their tags, as
// the runtime fills it: each with the zero value of its type. It is empty if In
// needs neither query nor body, or if its structure is not known, as that of a
// host package is not.
func ExampleOf(shape string) Example {
	s, ok := parse(shape)
	if !ok || s.root.structure.Kind != reflect.Func || len(s.root.structure.In) != 2 {
		return Example{}
	}
	in := s.resolve(s.root.structure.In[1])
	if in.name.Name != "" || in.structure.Kind != reflect.Struct {
		return Example{}
	}
	e := exampler{shape: s}
	body := e.object(in, 0, true)
	out := Example{Query: e.query}
	if len(body) > 0 {
		out.Body = body.indented()
	}
	return out
}

type exampler struct {
	shape syntaxTree
	query string
}

// object returns the fields of a struct that stand in JSON. At the top, fields
// of the path and the query are none of them.
func (e *exampler) object(t *syntaxType, depth int, top bool) object {
	var out object
	for _, f := range t.structure.Members {
		tag := reflect.StructTag(f.Tag)
		if top {
			if _, ok := tag.Lookup("path"); ok {
				continue
			}
			if name, ok := tag.Lookup("query"); ok {
				e.addQuery(name, e.shape.resolve(f.Type))
				continue
			}
		}
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		ft := e.shape.resolve(f.Type)
		switch {
		case tag.Get("json") == "-":
		case f.Embedded && name == "" && ft.name.Name == "" && ft.structure.Kind == reflect.Struct:
			out = append(out, e.object(ft, depth+1, top)...)
		case !exported(f.Name):
		default:
			if name == "" {
				name = f.Name
			}
			out = append(out, field{name, e.value(ft, depth+1)})
		}
	}
	return out
}

func (e *exampler) addQuery(name string, t *syntaxType) {
	if e.query != "" {
		e.query += "&"
	}
	e.query += url.QueryEscape(name) + "="
	switch e.value(t, maxExampleDepth).(type) { // anything else is to be filled in
	case bool:
		e.query += "false"
	case int:
		e.query += "0"
	}
}

// value returns the zero value of a type, as encoding/json would write it. What
// has a notation of its own, or goes too deep, is null.
func (e *exampler) value(t *syntaxType, depth int) any {
	st, basic := t.structure, t.structure.Basic
	if t.name.Path == "" && t.name.Name != "" { // a predeclared type, as text has it
		basic = t.name.Name
	}
	switch {
	case basic == "string":
		return ""
	case basic == "bool":
		return false
	case slices.Contains(numbers, basic):
		return 0
	case t.name.Path == "time" && t.name.Name == "Time":
		return "2006-01-02T15:04:05Z"
	case t.name.Name != "":
		return nil
	case st.Kind == reflect.Pointer:
		return e.value(e.shape.resolve(st.Elem), depth)
	case st.Kind == reflect.Slice || st.Kind == reflect.Array:
		elem := e.shape.resolve(st.Elem)
		if elem.name.Path == "" && (elem.name.Name == "uint8" || elem.name.Name == "byte") {
			return "" // base64
		}
		if depth < maxExampleDepth {
			if v := e.value(elem, depth+1); v != nil {
				return []any{v}
			}
		}
		return []any{}
	case st.Kind == reflect.Map:
		return object{}
	case st.Kind == reflect.Struct && depth < maxExampleDepth:
		return e.object(t, depth, false)
	}
	return nil
}

var numbers = []string{
	"int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "uintptr",
	"float32", "float64", "byte", "rune",
}

// object is a JSON object whose fields keep their order.
type object []field

type field struct {
	name  string
	value any
}

// MarshalJSON writes the fields in their order.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, f := range o {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

func (o object) indented() string {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return ""
	}
	return string(data)
}
