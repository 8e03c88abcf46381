package gotypes_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"
	"unsafe"
)

// The types of the hand-written cases. This file is looked at twice: by
// reflection in the test program, and by the type checker as text.

type (
	tree struct {
		Value    int `json:"value"`
		children []*tree
	}
	shrub struct { // tree under another name
		Value    int `json:"value"`
		children []*shrub
	}
	ping struct{ next *pong }
	pong struct{ next *ping }

	box[T any]                struct{ Value T }
	pair[K comparable, V any] struct {
		Key   K
		Value V
	}
	chain[T any]   struct{ next *chain[T] }
	intBox         = box[int]
	boxes[T any]   = []box[T]
	ownPair        pair[string, *ownPair]
	phantom[T any] struct{}

	season    int
	list      []list
	table     map[season]table
	callback  func(callback, ...callback) callback
	pipe      chan pipe
	endless   *endless
	mixed     struct{ Tree, Again tree }
	reordered struct{ A, B int }

	embedder struct {
		tree
		*ping
		box[int]
		error
		Alias intBox
		intBox2
	}
	intBox2 = box[string]

	Closer  interface{ Close() error }
	visitor interface {
		hidden()
		Visit(t *tree, more ...string) (ok bool)
		Closer
		fmt.Stringer
	}
)

func cases(add func(want string, t reflect.Type)) {
	// Predeclared types, and those that their aliases stand for.
	add("int", reflect.TypeFor[int]())
	add("uint8", reflect.TypeFor[byte]())
	add("int32", reflect.TypeFor[rune]())
	add("interface{}", reflect.TypeFor[any]())
	add("error", reflect.TypeFor[error]())
	add("unsafe.Pointer", reflect.TypeFor[unsafe.Pointer]())
	add("complex128", reflect.TypeFor[complex128]())

	// Literals.
	add("map[string][4]*time.Time", reflect.TypeFor[map[string][4]*time.Time]())
	add("<-chan (chan<- (int))", reflect.TypeFor[<-chan chan<- int]())
	add("chan (<-chan (int))", reflect.TypeFor[chan (<-chan int)]())
	add("func(int, ...error) ()", reflect.TypeFor[func(int, ...error)]())
	add("func(int, []error) (int, error)", reflect.TypeFor[func(i int, e []error) (n int, err error)]())
	add("func(net/http.ResponseWriter, *net/http.Request) ()", reflect.TypeFor[func(http.ResponseWriter, *http.Request)]())
	add(`struct{A int "json:\"a\""; B int "b:\"\\\\\""; int = int; _ int}`, reflect.TypeFor[struct {
		A int `json:"a"`
		B int `b:"\\"`
		int
		_ int
	}]())
	add("interface{A() (); B() (); a(int) (int)}", reflect.TypeFor[interface {
		B()
		a(int) int
		A()
	}]())

	// Types of host packages have a name.
	add("time.Duration", reflect.TypeFor[time.Duration]())
	add("context.Context", reflect.TypeFor[context.Context]())
	add("sync/atomic.Pointer[int]", reflect.TypeFor[atomic.Pointer[int]]())
	add("iter.Seq2[struct{A int}, func(time.Time, ...string) (io.Reader)]",
		reflect.TypeFor[iter.Seq2[struct{ A int }, func(time.Time, ...string) io.Reader]]())

	// Types of hot packages have a structure, and no name.
	add("named int", reflect.TypeFor[season]())
	add(`named struct{Value int "json:\"value\""; children []*^1}`, reflect.TypeFor[tree]())
	add(`named struct{Value int "json:\"value\""; children []*^1}`, reflect.TypeFor[shrub]())
	add(`named struct{Tree named struct{Value int "json:\"value\""; children []*^2}; Again ^2}`, reflect.TypeFor[mixed]())
	add("named struct{next *^1}", reflect.TypeFor[ping]())
	add("named struct{next *^1}", reflect.TypeFor[pong]())
	add("named []^1", reflect.TypeFor[list]())
	add("named map[named int]^1", reflect.TypeFor[table]())
	add("named func(^1, ...^1) (^1)", reflect.TypeFor[callback]())
	add("named chan (^1)", reflect.TypeFor[pipe]())
	add("named *^1", reflect.TypeFor[endless]())
	add("named struct{A int; B int}", reflect.TypeFor[reordered]())
	add("func(named struct{A int; B int}, ^1) (*^1)", reflect.TypeFor[func(reordered, reordered) *reordered]())

	// Generic ones too.
	add("named struct{Value int}", reflect.TypeFor[box[int]]())
	add("named struct{Value named struct{Value int}}", reflect.TypeFor[box[box[int]]]())
	add("[]named struct{Value error}", reflect.TypeFor[boxes[error]]())
	add("named struct{Key named int; Value []named struct{Key ^2; Value int}}", reflect.TypeFor[pair[season, []pair[season, int]]]())
	add("named struct{next *^1}", reflect.TypeFor[chain[tree]]())
	add("named struct{Key string; Value *^1}", reflect.TypeFor[ownPair]())
	add("named struct{}", reflect.TypeFor[phantom[tree]]())

	// A host's generic type is one of its own in each generation if a type
	// argument is.
	add("named sync/atomic.Pointer[_] struct{sync/atomic._ [0]*named int; sync/atomic._ sync/atomic.noCopy; sync/atomic.v unsafe.Pointer}",
		reflect.TypeFor[atomic.Pointer[season]]())
	add("named iter.Seq[map[string]iter.Seq[_]] func(func(map[string]named iter.Seq[_] func(func(named int) (bool)) ()) (bool)) ()",
		reflect.TypeFor[iter.Seq[map[string]iter.Seq[season]]]())
	add("named iter.Seq[struct{a int}] func(func(struct{a int}) (bool)) ()", reflect.TypeFor[iter.Seq[struct{ a int }]]())

	// Embedding, and the names of others.
	add(`named struct{tree = named struct{Value int "json:\"value\""; children []*^2}; ping = *named struct{next *^3}; `+
		`box = named struct{Value int}; error = error; Alias ^4; intBox2 = named struct{Value string}}`, reflect.TypeFor[embedder]())
	add(`named interface{Close() (error); String() (string); Visit(*named struct{Value int "json:\"value\""; children []*^2}, ...string) (bool); hidden() ()}`,
		reflect.TypeFor[visitor]())
	add("struct{Closer = named interface{Close() (error)}}", reflect.TypeFor[struct{ Closer }]())

	type tree struct{ Local int }
	add("named struct{Local int}", reflect.TypeFor[tree]())
	add("named struct{Value named struct{Local int}}", reflect.TypeFor[box[tree]]())
}
