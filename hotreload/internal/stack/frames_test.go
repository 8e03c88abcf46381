package stack

import (
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

func generic[T any](T) {}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		fn        any
		name, pkg string
	}{
		{http.NotFound, "http.NotFound", "net/http"},
		{(*bytes.Buffer).Len, "bytes.(*Buffer).Len", "bytes"},
		{new(bytes.Buffer).Len, "bytes.(*Buffer).Len", "bytes"},
		{TestNames, "stack.TestNames", manifest.RuntimePath + "/internal/stack"},
		{generic[string], "stack.generic", manifest.RuntimePath + "/internal/stack"},
	} {
		v := reflect.ValueOf(test.fn)
		if got := FunctionName(v); got != test.name {
			t.Errorf("got %s, want %s", got, test.name)
		}
		if got := FunctionPackage(v); got != test.pkg {
			t.Errorf("got %s, want %s", got, test.pkg)
		}
	}
	if at := FunctionPosition(reflect.ValueOf(TestNames), nil); !strings.HasSuffix(at.File, "frames_test.go") || at.Line == 0 {
		t.Errorf("TestNames is declared at %s", at)
	}
}

// TestAsWritten: a function literal is named after the function that it stands
// in, where that is certain.
func TestAsWritten(t *testing.T) {
	for _, test := range []struct{ function, file, want string }{
		{"example.com/hello/handlers.AnvilRegisterRoutes.health.func4", "/src/hello/handlers/debug.go", "example.com/hello/handlers.health.func4"},
		{"anvil.g7/example.com/hello/handlers.AnvilRegisterRoutes.health.func4.1", "/src/hello/handlers/debug.go", "example.com/hello/handlers.health.func4.1"},
		{"example.com/hello/handlers.AnvilRegisterRoutes.(*api).list.func2", "/src/hello/handlers/api.go", "example.com/hello/handlers.(*api).list.func2"},
		{"handlers.AnvilRegisterRoutes.health.func4", "handlers/debug.go", "handlers.health.func4"},
		{"example.com/hello/v1%2e2.AnvilRegisterRoutes.health.func4", "/src/hello/v1.2/debug.go", "example.com/hello/v1%2e2.health.func4"},
		{"example.com/hello/handlers.AnvilRegisterRoutes.func2.health.1", "/src/hello/handlers/debug.go", "example.com/hello/handlers.health.func1"},
		// Literals of the function itself, and functions.
		{"example.com/hello/handlers.AnvilRegisterRoutes.func4", "/src/hello/handlers/debug.go", "example.com/hello/handlers.AnvilRegisterRoutes.func4"},
		{"example.com/hello/handlers.AnvilRegisterRoutes.func4.func5", "/src/hello/handlers/debug.go", "example.com/hello/handlers.AnvilRegisterRoutes.func4.func5"},
		{"example.com/hello/handlers.AnvilRegisterRoutes.gowrap1.func5", "/src/hello/handlers/debug.go", "example.com/hello/handlers.AnvilRegisterRoutes.gowrap1.func5"},
		{"example.com/hello/handlers.AnvilRegisterRoutes", "/src/hello/handlers/debug.go", "example.com/hello/handlers.AnvilRegisterRoutes"},
		{"example.com/hello/handlers.health.func4", "/src/hello/handlers/debug.go", "example.com/hello/handlers.health.func4"},
		// Not certain: a function of another package, or a method of a value.
		{"example.com/hello/handlers.AnvilRegisterRoutes.Page.func4", "/src/hello/handlers/views/page.go", "example.com/hello/handlers.AnvilRegisterRoutes.Page.func4"},
		{"example.com/hello/handlers.AnvilRegisterRoutes.api.list.func4", "/src/hello/handlers/api.go", "example.com/hello/handlers.AnvilRegisterRoutes.api.list.func4"},
	} {
		if got := asWritten(test.function, test.file); got != test.want {
			t.Errorf("%s in %s: got %s, want %s", test.function, test.file, got, test.want)
		}
	}
}
