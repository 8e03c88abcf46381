// Package visibletest finds out whether what shows a value shows any of it
// unescaped: every string of the value is filled with what a terminal must not
// get, so that a field that is added later is tried as well.
package visibletest

import (
	"reflect"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// Hostile is what the strings are filled with: a title, a cleared screen in seven
// and eight bits, a line that is taken back, a line that is made up, and a
// direction that is turned round.
const Hostile = "\x1b]0;PWNED\x07\x1b[2J\u009b2J\x9b1m\rgone\u2028\u202eback\x7f\u200b\x00"

// Fill sets all strings in what v points to, at whatever depth, to Hostile, and
// makes what is empty have an element. Numbers are 1 and truths true.
func Fill(v any) { fill(reflect.ValueOf(v).Elem(), 0) }

func fill(v reflect.Value, depth int) {
	if depth > 12 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(Hostile)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.SetMapIndex(key, value)
	}
}

// colours are our own.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m|\r\x1b\\[2K")

// Check fails if an output has anything but text, line ends and our own colours.
func Check(t testing.TB, what, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: %q is no UTF-8", what, out)
	}
	for i, r := range colours.ReplaceAllString(out, "") {
		if !visible.Rune(r) && r != '\n' {
			t.Errorf("%s: %U at %d of %q", what, r, i, out)
			return
		}
	}
}
