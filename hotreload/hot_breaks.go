//go:build anvilhot

package hotreload

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/anvilforge/anvil-lsp/manifest"
)

// breaks compares a generation with the live one, and returns a diagnostic for
// each route whose handler has another signature now: who calls the route
// relies on the old one until everything is started anew.
func (s *LiveState) breaks(g *generation, hot []string) []manifest.Diagnostic {
	old := s.current.Load()
	if old == nil {
		return nil
	}
	routes := map[manifest.RouteKey]manifest.Route{}
	for _, r := range old.manifest.Manifest.Routes {
		routes[r.Key()] = r
	}
	types := map[manifest.RouteKey]reflect.Type{}
	for _, e := range old.reg.entries {
		types[e.key()] = e.Handler.Type()
	}
	shapes := manifest.NewShapes(hot)
	var found []manifest.Diagnostic
	for _, e := range g.reg.entries {
		k := e.key()
		before, ok := routes[k]
		if !ok || before.Fingerprint == fingerprint(shapes, e.Handler.Type()) {
			continue
		}
		found = append(found, manifest.Diagnose(manifest.CodeSignature, e.Position(),
			"%s: the signature of %s changed%s", e.place(), e.Handler.Name(), changeOf(shapes, types[k], e.Handler.Type())))
	}
	manifest.SortDiagnostics(found)
	return found
}

// changeOf says how a handler's type changed. Types of the same name are told
// apart by their fields.
func changeOf(shapes *manifest.Shapes, before, after reflect.Type) string {
	if was, is := typeName(before), typeName(after); was != is {
		return fmt.Sprintf(" from %s to %s", was, is)
	}
	if before.Kind() != reflect.Func || before.NumIn() != 2 || before.NumOut() != 2 {
		return ""
	}
	var changes []string
	for _, pair := range [][2]reflect.Type{{before.In(1), after.In(1)}, {before.Out(0), after.Out(0)}} {
		if shapes.Of(pair[0]) != shapes.Of(pair[1]) {
			changes = append(changes, typeName(pair[1])+fieldChanges(shapes, pair[0], pair[1]))
		}
	}
	if len(changes) == 0 {
		return ""
	}
	return ": " + strings.Join(changes, "; ")
}

// fieldChanges lists how the fields of a struct changed.
func fieldChanges(shapes *manifest.Shapes, before, after reflect.Type) string {
	for before.Kind() == after.Kind() && (before.Kind() == reflect.Pointer || before.Kind() == reflect.Slice) {
		before, after = before.Elem(), after.Elem()
	}
	if before.Kind() != reflect.Struct || after.Kind() != reflect.Struct {
		return " has another structure"
	}
	var changes []string
	for is := range after.Fields() {
		was, ok := before.FieldByName(is.Name)
		switch {
		case !ok || len(was.Index) != 1:
			changes = append(changes, fmt.Sprintf("field %s %s is new", is.Name, typeName(is.Type)))
		case typeName(was.Type) != typeName(is.Type):
			changes = append(changes, fmt.Sprintf("field %s was %s and is %s", is.Name, typeName(was.Type), typeName(is.Type)))
		case shapes.Of(was.Type) != shapes.Of(is.Type):
			changes = append(changes, fmt.Sprintf("the structure of field %s changed", is.Name))
		case was.Tag != is.Tag:
			changes = append(changes, fmt.Sprintf("the tag of field %s changed", is.Name))
		}
	}
	for was := range before.Fields() {
		if _, ok := after.FieldByName(was.Name); !ok {
			changes = append(changes, fmt.Sprintf("field %s is gone", was.Name))
		}
	}
	if len(changes) == 0 {
		return " has its fields in another order"
	}
	return ": " + strings.Join(changes, ", ")
}
