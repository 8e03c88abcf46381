package hotreload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// Container is the typed bag of long-lived things: pools, sessions, hubs, keyed
// state. It outlives every generation. All of it is safe for concurrent use.
//
// main fills it with [Provide] and [Container.OnClose]; handlers find things with
// [MustLookup], [Lookup] and [StateOf]. [LiveServer] closes it.
//
// A thing is found by its type, so provider and user must mean the same type: one of a
// host package. Where users should not know the implementation, [Provide] it by an
// interface type of a host package.
type Container struct {
	*contents
	// owner is the generation that this Container was handed to; nil for
	// main's. All of them share their contents.
	owner *registration
}

type contents struct {
	// things is replaced as a whole under mu, so that asking takes no lock.
	things atomic.Pointer[map[thingKey]thing]

	mu          sync.Mutex
	closers     []closer
	slots       map[string]*stateSlot
	inheritance inheritance

	closing  sync.Once
	closeErr error
}

type thingKey struct {
	typ  reflect.Type
	name string
}

func (k thingKey) String() string {
	if k.name == "" {
		return symbol.NameOf(k.typ)
	}
	return fmt.Sprintf("%s %q", symbol.NameOf(k.typ), k.name)
}

type thing struct {
	value    any // a *T, so that a nil interface is a value like any other
	position manifest.Position
}

type closer struct {
	name string
	fn   func(context.Context) error
}

// NewContainer returns an empty Container.
func NewContainer() *Container {
	c := &contents{slots: map[string]*stateSlot{}}
	c.things.Store(&map[thingKey]thing{})
	return &Container{contents: c}
}

// forGeneration returns the same Container as a generation sees it.
func (c *Container) forGeneration(owner *registration) *Container {
	return &Container{contents: c.contents, owner: owner}
}

// enter ends the goroutine of a registration that was given up.
func (c *Container) enter() {
	if c.owner != nil {
		c.owner.exitIfAbandoned()
	}
}

// Provide puts v into the Container under its type T.
//
// Providing the same thing twice is a mistake in main and panics with both
// positions. Hot code runs once for each generation, so it must not call
// Provide; [StateOf] is what it wants.
func Provide[T any](c *Container, v T) { provide(c, "", v) }

// ProvideNamed is [Provide] for one of several things of the same type, which
// [LookupNamed] tells apart by name.
func ProvideNamed[T any](c *Container, name string, v T) { provide(c, name, v) }

func provide[T any](c *Container, name string, v T) {
	c.enter()
	key := thingKey{reflect.TypeFor[T](), name}
	position := c.owner.callerPosition()
	c.mu.Lock()
	defer c.mu.Unlock()
	things := maps.Clone(*c.things.Load())
	if first, ok := things[key]; ok {
		panic(fmt.Sprintf("hotreload: %s is provided at %s and was already provided at %s", key, position, first.position))
	}
	things[key] = thing{value: &v, position: position}
	c.things.Store(&things)
}

// Lookup returns what was provided as T. If there is no such thing the error is
// a [*NotProvidedError].
func Lookup[T any](c *Container) (T, error) { return LookupNamed[T](c, "") }

// LookupNamed is [Lookup] for what was provided under a name, by [ProvideNamed].
func LookupNamed[T any](c *Container, name string) (T, error) {
	v, err := lookup(c, thingKey{reflect.TypeFor[T](), name})
	if err != nil {
		var none T
		return none, err
	}
	return *v.(*T), nil
}

// MustLookup is [Lookup] for what main always provides: it panics with the
// error, which refuses the generation if it happens during registration.
func MustLookup[T any](c *Container) T { return MustLookupNamed[T](c, "") }

// MustLookupNamed is [LookupNamed] for what main always provides: it panics with
// the error.
func MustLookupNamed[T any](c *Container, name string) T {
	v, err := LookupNamed[T](c, name)
	if err != nil {
		panic(err)
	}
	return v
}

// lookup returns a pointer to the thing.
func lookup(c *Container, key thingKey) (any, error) {
	if c == nil {
		return nil, &NotProvidedError{Want: key.String()}
	}
	c.enter()
	things := *c.things.Load()
	if t, ok := things[key]; ok {
		return t.value, nil
	}
	return nil, notProvided(key, things)
}

// NotProvidedError reports that the Container does not hold what was asked for.
type NotProvidedError struct {
	Want string   // the type and the name, if one was given
	Have []string // what the Container holds, sorted
	// Namesake says that something with the same type name is there, but of
	// another type: that of another generation or of another package.
	Namesake bool
}

func notProvided(want thingKey, things map[thingKey]thing) error {
	e := &NotProvidedError{Want: want.String()}
	for key := range things {
		e.Have = append(e.Have, key.String())
		e.Namesake = e.Namesake || key.String() == e.Want
	}
	slices.Sort(e.Have)
	return e
}

// Error names the type that is missing and lists what there is.
func (e *NotProvidedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "hotreload: nobody provided %s; ", e.Want)
	if len(e.Have) == 0 {
		b.WriteString("the Container is empty")
	} else {
		b.WriteString("the Container holds " + strings.Join(e.Have, ", "))
	}
	if e.Namesake {
		b.WriteString(" (a type of the same name from another package or generation: move it to a host package)")
	}
	return b.String()
}

// OnClose registers fn to be called when the Container is closed. The name appears in
// errors. Closers run in the reverse order of their registration.
//
// It is meant for main. What hot code starts should end with [RouteSink.Context].
func (c *Container) OnClose(name string, fn func(context.Context) error) {
	c.enter()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closers = append(c.closers, closer{name, fn})
}

// Close runs all closers, last registered first, and joins their errors; a
// panic counts as one. Only the first call does anything, every call returns
// the same error.
func (c *Container) Close(ctx context.Context) error {
	c.closing.Do(func() {
		var errs []error
		for cl := range c.popClosers() {
			errs = append(errs, cl.run(ctx))
		}
		c.closeErr = errors.Join(errs...)
	})
	return c.closeErr
}

// popClosers yields the closers in the order in which they run. A closer may
// register another one, which then runs next.
func (c *contents) popClosers() func(yield func(closer) bool) {
	pop := func() (last closer, ok bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n := len(c.closers); n > 0 {
			last, ok = c.closers[n-1], true
			c.closers = c.closers[:n-1]
		}
		return last, ok
	}
	return func(yield func(closer) bool) {
		for cl, ok := pop(); ok && yield(cl); cl, ok = pop() {
		}
	}
}

func (cl closer) run(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
		if err != nil {
			err = fmt.Errorf("closing %s: %w", cl.name, err)
		}
	}()
	return cl.fn(ctx)
}
