package hotreload

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

type greeter interface{ greet() string }

type english struct{}

func (english) greet() string { return "hello" }

func TestProvideAndLookup(t *testing.T) {
	c := NewContainer()
	Provide(c, 1)
	ProvideNamed(c, "two", 2)
	Provide[greeter](c, english{})
	Provide[error](c, nil)
	if got := MustLookup[int](c); got != 1 {
		t.Errorf("MustLookup[int] = %d, want 1", got)
	}
	if got := MustLookupNamed[int](c, "two"); got != 2 {
		t.Errorf(`MustLookupNamed[int]("two") = %d, want 2`, got)
	}
	if got := MustLookup[greeter](c).greet(); got != "hello" {
		t.Errorf("MustLookup[greeter] greets %q", got)
	}
	if err, lookup := Lookup[error](c); err != nil || lookup != nil {
		t.Errorf("a nil interface value comes back as %v, %v", err, lookup)
	}
}

func TestLookupNamesWhatIsMissingAndWhatThereIs(t *testing.T) {
	c := NewContainer()
	_, err := Lookup[string](c)
	if want := "hotreload: nobody provided string; the Container is empty"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	ProvideNamed(c, "two", 2)
	Provide[greeter](c, english{})
	_, err = LookupNamed[string](c, "title")
	if want := `hotreload: nobody provided string "title"; the Container holds hotreload.greeter, int "two"`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	missing, ok := errors.AsType[*NotProvidedError](err)
	if !ok || missing.Want != `string "title"` || !slices.Equal(missing.Have, []string{"hotreload.greeter", `int "two"`}) {
		t.Errorf("got %#v", missing)
	}
	if _, err := Lookup[int](nil); err == nil {
		t.Error("a nil Container provides an int")
	}
}

func TestMustLookupPanicsWithNotProvidedError(t *testing.T) {
	defer func() {
		if _, ok := recover().(*NotProvidedError); !ok {
			t.Error("MustLookup does not panic with a *NotProvidedError")
		}
	}()
	MustLookup[string](NewContainer())
}

func TestLookupExplainsNamesake(t *testing.T) {
	c := NewContainer()
	provideLocalType(c)
	type cart struct{}
	_, err := Lookup[cart](c)
	if err == nil || !strings.Contains(err.Error(), "move it to a host package") {
		t.Errorf("got %v", err)
	}
}

func provideLocalType(c *Container) {
	type cart struct{}
	Provide(c, cart{})
}

func TestProvideTwicePanicsWithBothPositions(t *testing.T) {
	c := NewContainer()
	Provide(c, 1)
	defer func() {
		text, _ := recover().(string)
		if strings.Count(text, "container_test.go:") != 2 || !strings.Contains(text, "int is provided at") {
			t.Errorf("panic: %s", text)
		}
	}()
	Provide(c, 2)
}

func TestCloseRunsAllClosersInReverse(t *testing.T) {
	c := NewContainer()
	var order []string
	closer := func(name string, err error) {
		c.OnClose(name, func(context.Context) error {
			order = append(order, name)
			return err
		})
	}
	broken := errors.New("broken")
	closer("first", nil)
	closer("second", broken)
	c.OnClose("third", func(context.Context) error { panic("oops") })
	c.OnClose("fourth", func(context.Context) error {
		closer("late", nil)
		return nil
	})
	err := c.Close(t.Context())
	if want := []string{"late", "second", "first"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if !errors.Is(err, broken) || err.Error() != "closing third: panic: oops\nclosing second: broken" {
		t.Errorf("got %v", err)
	}
	if again := c.Close(t.Context()); again == nil || again.Error() != err.Error() || len(order) != 3 {
		t.Errorf("the second Close: %v, order %v", again, order)
	}
}

func TestContainerIsSafeForConcurrentUse(t *testing.T) {
	c := NewContainer()
	var wg sync.WaitGroup
	for _, name := range strings.Split("abcdefgh", "") {
		wg.Go(func() {
			ProvideNamed(c, name, name)
			for range 100 {
				if got := MustLookupNamed[string](c, name); got != name {
					t.Errorf("got %q, want %q", got, name)
				}
				StateOf(c, "n", func() int { return 0 }).Update(func(n *int) { *n++ })
			}
		})
	}
	wg.Wait()
	if got := StateOf(c, "n", func() int { return -1 }).Get(); got != 800 {
		t.Errorf("counted %d, want 800", got)
	}
}
