package rules

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// Where the value of a field comes from; also the keys of the struct tags.
const (
	FromPath  = "path"
	FromQuery = "query"
)

// Binding says how the input of a typed handler is filled from a request.
type Binding struct {
	Fields []Field // from the path and the query
	Body   bool    // some fields come from the JSON body
}

// Field is a field that is read from text.
type Field struct {
	Index []int  // as reflect.Value.FieldByIndex wants it
	From  string // FromPath or FromQuery
	Name  string
	List  bool // has all values of the name
}

// Types tells of types what their structure does not.
type Types struct {
	Name   func(shape.Type) string // as messages have it
	IsText func(shape.Type) bool   // whether a pointer to it is an encoding.TextUnmarshaler
}

// Bind returns how an input is filled, or what keeps its type from being one.
func (ts Types) Bind(in shape.Type) (Binding, error) {
	var b Binding
	s := in.Structure()
	if s.Kind != reflect.Struct {
		return b, fmt.Errorf("its input %s is not a struct", ts.Name(in))
	}
	return b, ts.bind(&b, in, s.Members, nil)
}

// maxDepth bounds structs and pointers inside each other, which in code that does not
// compile have no end.
const maxDepth = 32

// bind adds the fields of a struct, its members, and of the structs that it embeds.
func (ts Types) bind(b *Binding, in shape.Type, members []shape.Member, index []int) error {
	if len(index) > maxDepth {
		return nil
	}
	for i, f := range members {
		at, tag, exported := append(slices.Clip(index), i), reflect.StructTag(f.Tag), f.Path == ""
		path, inPath := tag.Lookup(FromPath)
		query, inQuery := tag.Lookup(FromQuery)
		var embedded shape.Structure
		if f.Embedded {
			embedded = f.Type.Structure()
		}
		var err error
		switch {
		case inPath && inQuery:
			err = errors.New("has a path tag and a query tag")
		case (inPath || inQuery) && !exported:
			err = errors.New("has a tag but is not exported")
		case inPath:
			err = ts.add(b, f.Type, Field{Index: at, From: FromPath, Name: path})
		case inQuery:
			err = ts.add(b, f.Type, Field{Index: at, From: FromQuery, Name: query})
		case embedded.Kind == reflect.Struct:
			if err := ts.bind(b, f.Type, embedded.Members, at); err != nil {
				return err
			}
		case exported && tag.Get("json") != "-":
			b.Body = true
		}
		if err != nil {
			return fmt.Errorf("field %s of its input %s %w", f.Name, ts.Name(in), err)
		}
	}
	return nil
}

func (ts Types) add(b *Binding, t shape.Type, f Field) error {
	if f.Name == "" {
		return fmt.Errorf("has an empty %s tag", f.From)
	}
	ok := ts.fromText(t)
	if !ok && f.From == FromQuery {
		if s := t.Structure(); s.Kind == reflect.Slice {
			f.List, ok = true, ts.fromText(s.Elem)
		}
	}
	if !ok {
		return fmt.Errorf("has a %s tag, but a %s cannot be read from text", f.From, ts.Name(t))
	}
	b.Fields = append(b.Fields, f)
	return nil
}

// fromText reports whether the runtime can set a value from its text.
func (ts Types) fromText(t shape.Type) bool {
	for range maxDepth {
		if ts.IsText(t) {
			return true
		}
		s := t.Structure()
		if s.Kind != reflect.Pointer {
			return slices.Contains(textTypes, s.Basic)
		}
		t = s.Elem
	}
	return false
}

var textTypes = []string{
	"string", "bool", "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64",
	"float32", "float64",
}
