package runtimeapi

import (
	"errors"
	"fmt"
	"go/types"
	"reflect"

	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// checkInput reports what keeps a type from being the In of a typed handler. It
// follows the runtime's own rules (hotreload, bind.go), to the word.
func (k *Types) checkInput(t types.Type) error {
	if _, ok := t.Underlying().(*types.Struct); !ok {
		if gotypes.HasTypeParam(t) {
			return ErrUndecided
		}
		return fmt.Errorf("its input %s is not a struct", gotypes.Signature(t))
	}
	return k.checkFields(t, nil)
}

// checkFields checks the fields of a struct and of the structs that it embeds.
// around are the structs that embed it.
func (k *Types) checkFields(t types.Type, around []types.Type) error {
	for _, outer := range around {
		if types.Identical(outer, t) {
			return nil // does not type-check
		}
	}
	s := t.Underlying().(*types.Struct)
	for i := range s.NumFields() {
		f, tag := s.Field(i), reflect.StructTag(s.Tag(i))
		path, inPath := tag.Lookup("path")
		query, inQuery := tag.Lookup("query")
		var err error
		switch {
		case inPath && inQuery:
			err = errors.New("has a path tag and a query tag")
		case (inPath || inQuery) && !f.Exported():
			err = errors.New("has a tag but is not exported")
		case inPath:
			err = k.checkField(f.Type(), "path", path)
		case inQuery:
			err = k.checkField(f.Type(), "query", query)
		case f.Anonymous():
			if _, ok := f.Type().Underlying().(*types.Struct); ok {
				if err := k.checkFields(f.Type(), append(around, t)); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return fmt.Errorf("field %s of its input %s %w", f.Name(), gotypes.Signature(t), err)
		}
	}
	return nil
}

func (k *Types) checkField(t types.Type, from, name string) error {
	if name == "" {
		return fmt.Errorf("has an empty %s tag", from)
	}
	element := t
	if s, ok := t.Underlying().(*types.Slice); ok && from == "query" && !k.isText(t) {
		element = s.Elem()
	}
	if !k.fromText(element) {
		return fmt.Errorf("has a %s tag, but a %s cannot be read from text", from, gotypes.Signature(t))
	}
	return nil
}

func (k *Types) isText(t types.Type) bool { return types.Implements(types.NewPointer(t), k.text) }

// fromText reports whether the runtime can set a value of type t from its text.
func (k *Types) fromText(t types.Type) bool {
	for range 32 { // pointers to pointers; a type may even be a pointer to itself
		if k.isText(t) {
			return true
		}
		switch u := t.Underlying().(type) {
		case *types.Pointer:
			t = u.Elem()
		case *types.Basic:
			return u.Info()&(types.IsString|types.IsBoolean|types.IsInteger|types.IsFloat) != 0 && u.Kind() != types.Uintptr
		default:
			return false
		}
	}
	return false
}
