package shape

import (
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

type tree struct {
	Value    int `json:"value"`
	children []*tree
}

type bush struct { // tree under another name
	Value    int `json:"value"`
	children []*bush
}

type forest struct {
	tree
	Oldest *tree
	Found  time.Time
}

type generic[T any] struct{ value T }

type ping struct{ next *pong }
type pong struct{ next *ping }

type season int

type handler func(http.ResponseWriter, *http.Request) error

type visitor interface {
	Visit(t *tree, more ...string) (ok bool)
	io.Closer
	hidden()
}

const here = "github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"

func TestShape(t *testing.T) {
	hot := NewReflector([]string{"example.com/z", here, "example.com/a"})
	cold := NewReflector(nil)
	for _, test := range []struct {
		typ       reflect.Type
		hot, cold string
	}{
		{reflect.TypeFor[int](), "int", "int"},
		{reflect.TypeFor[error](), "error", "error"},
		{reflect.TypeFor[any](), "interface{}", "interface{}"},
		{reflect.TypeFor[unsafe.Pointer](), "unsafe.Pointer", "unsafe.Pointer"},
		{reflect.TypeFor[map[string][4]*time.Time](), "map[string][4]*time.Time", "map[string][4]*time.Time"},
		{reflect.TypeFor[<-chan chan<- int](), "<-chan (chan<- (int))", "<-chan (chan<- (int))"},
		{reflect.TypeFor[season](), "named int", here + ".season"},
		{reflect.TypeFor[tree](), `named struct{Value int "json:\"value\""; children []*^1}`, here + ".tree"},
		{reflect.TypeFor[bush](), `named struct{Value int "json:\"value\""; children []*^1}`, here + ".bush"},
		{reflect.TypeFor[ping](), "named struct{next *^1}", here + ".ping"},
		{
			reflect.TypeFor[forest](),
			`named struct{tree = named struct{Value int "json:\"value\""; children []*^2}; Oldest *^2; Found time.Time}`,
			here + ".forest",
		},
		{reflect.TypeFor[handler](), "named func(net/http.ResponseWriter, *net/http.Request) (error)", here + ".handler"},
		{
			reflect.TypeFor[visitor](),
			`named interface{Close() (error); Visit(*named struct{Value int "json:\"value\""; children []*^2}, ...string) (bool); hidden() ()}`,
			here + ".visitor",
		},
		{reflect.TypeFor[func(int, ...error)](), "func(int, ...error) ()", "func(int, ...error) ()"},
		{reflect.TypeFor[generic[season]](), "named struct{value named int}", here + ".generic[" + here + ".season]"},
		{reflect.TypeFor[generic[int]](), "named struct{value int}", here + ".generic[int]"},
		// A generic type of a host package is one of its own for each generation
		// if a type argument is.
		{
			reflect.TypeFor[atomic.Pointer[season]](),
			"named sync/atomic.Pointer[_] struct{sync/atomic._ [0]*named int; sync/atomic._ sync/atomic.noCopy; sync/atomic.v unsafe.Pointer}",
			"sync/atomic.Pointer[" + here + ".season]",
		},
		{reflect.TypeFor[atomic.Pointer[int]](), "sync/atomic.Pointer[int]", "sync/atomic.Pointer[int]"},
		{ // brackets in a tag
			reflect.TypeFor[generic[struct {
				A int `a:"]"`
			}]](), `named struct{value struct{A int "a:\"]\""}}`, here + `.generic[struct{A int "a:\"]\""}]`,
		},
		{ // an unexported field makes a literal that of a package
			reflect.TypeFor[atomic.Pointer[struct{ a int }]](),
			"named sync/atomic.Pointer[struct{a int}] struct{sync/atomic._ [0]*struct{a int}; sync/atomic._ sync/atomic.noCopy; sync/atomic.v unsafe.Pointer}",
			"sync/atomic.Pointer[struct{" + here + ".a int}]",
		},
	} {
		if got := hot.Of(test.typ); got != test.hot {
			t.Errorf("%s, hot:\ngot  %s\nwant %s", test.typ, got, test.hot)
		}
		if got := cold.Of(test.typ); got != test.cold {
			t.Errorf("%s, not hot:\ngot  %s\nwant %s", test.typ, got, test.cold)
		}
	}
}

func TestHot(t *testing.T) {
	s := NewReflector([]string{"example.com/app/handlers", "example.com/app"})
	for path, want := range map[string]bool{
		"example.com/app": true, "example.com/app/handlers": true, "anvil.g12/example.com/app/handlers": true,
		"example.com/app/store": false, "example.com/apple": false, "": false,
	} {
		if got := s.Hot(path); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

func TestFingerprint(t *testing.T) {
	a, b := Fingerprint("int"), Fingerprint("uint")
	if a == b || len(a) != 16 || a != Fingerprint("int") {
		t.Errorf("got %s and %s", a, b)
	}
}
