package image

import (
	"encoding"
	"fmt"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload/internal/migrate"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// classifier knows how types are written. It is for one goroutine.
type classifier struct {
	// own reports whether a package, by its import path in the source, belongs to
	// the application. A struct of any other package goes as a whole or not at
	// all: nobody knows what its fields mean together.
	own     func(path string) bool
	classes map[reflect.Type]class
	data    map[reflect.Type]bool
}

func newClassifier(own func(string) bool) *classifier {
	return &classifier{own: own, classes: map[reflect.Type]class{}, data: map[reflect.Type]bool{}}
}

// ownPackages tells the packages of the application's modules from those of its
// dependencies and of the standard library.
var ownPackages = sync.OnceValue(func() func(string) bool {
	info, ok := debug.ReadBuildInfo()
	return ownBy(info, ok)
})

func ownBy(info *debug.BuildInfo, ok bool) func(string) bool {
	own := []string{"main", migrate.UnnamedPlugin}
	if ok {
		own = append(own, info.Main.Path)
		for _, m := range info.Deps {
			// A module of a workspace has no version, one that is replaced by a directory
			// has a path of files.
			if m.Version == "" || m.Version == "(devel)" || m.Replace != nil && strings.IndexAny(m.Replace.Path, "./") == 0 {
				own = append(own, m.Path)
			}
		}
	}
	return func(path string) bool {
		for _, module := range own {
			rest, ok := strings.CutPrefix(path, module)
			if ok && module != "" && (strings.HasSuffix(module, "-") || rest == "" || rest[0] == '/') {
				return true
			}
		}
		return false
	}
}

var (
	typeTime     = reflect.TypeFor[time.Time]()
	typeLocation = reflect.TypeFor[*time.Location]()
	typeOnce     = reflect.TypeFor[sync.Once]()
)

func (c *classifier) isOwn(t reflect.Type) bool {
	return t.PkgPath() == "" || symbol.StripGeneration(t.PkgPath()) != t.PkgPath() || c.own(t.PkgPath())
}

// class returns how values of a type are written.
func (c *classifier) class(t reflect.Type) class {
	known, ok := c.classes[t]
	if !ok {
		c.classes[t] = classPointer // of what leads to itself
		known = c.find(t)
		c.classes[t] = known
	}
	return known
}

func (c *classifier) find(t reflect.Type) class {
	switch {
	case migrate.StartsUnused(t), t == typeOnce:
		return classUnused
	case t == migrate.TypeSyncMap:
		return classSyncMap
	case t == typeTime, t == typeLocation:
		return classText
	case migrate.IsAtomicPointer(t):
		return c.pointer(migrate.AtomicTarget(t))
	}
	switch k := t.Kind(); k {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return classLive
	case reflect.Complex64, reflect.Complex128:
		return classComplex
	case reflect.String:
		return classString
	case reflect.Array:
		return classArray
	case reflect.Slice:
		return classSlice
	case reflect.Map:
		return classMap
	case reflect.Interface:
		return classInterface
	case reflect.Pointer:
		return c.pointer(t)
	case reflect.Struct:
		return c.structure(t)
	}
	return classBasic
}

// goes reports whether a field of a struct is written. All that there is of a
// sync.Cond is its lock.
func goes(of reflect.Type, f reflect.StructField) bool {
	return f.Name != "_" && (of != migrate.TypeCond || f.Name == "L")
}

func (c *classifier) pointer(t reflect.Type) class {
	if c.class(t.Elem()) == classLive {
		return classLive
	}
	return classPointer
}

func (c *classifier) structure(t reflect.Type) class {
	switch path := t.PkgPath(); {
	case path == "unique", t == migrate.TypePool:
		return classLive
	case c.isOwn(t), t == migrate.TypeCond, path == "container/list", path == "container/ring",
		path == "sync/atomic", path == "errors", path == "fmt", c.isData(t):
		return classStruct
	case marshals(t):
		return classText
	}
	return classLive
}

// isData reports whether there is nothing in values of a type that only its
// process can have.
func (c *classifier) isData(t reflect.Type) bool {
	if known, ok := c.data[t]; ok {
		return known
	}
	c.data[t] = true // of what leads to itself
	ok := c.findData(t)
	c.data[t] = ok
	return ok
}

func (c *classifier) findData(t reflect.Type) bool {
	switch {
	case migrate.StartsUnused(t), t == typeOnce, t == typeTime, t == typeLocation:
		return true
	case migrate.IsAtomicPointer(t):
		return c.isData(migrate.AtomicTarget(t))
	case t.PkgPath() == "unique", t == migrate.TypePool, t == migrate.TypeCond, t == migrate.TypeSyncMap:
		return false
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Interface:
		return false
	case reflect.Uintptr: // a handle of the system, or an address
		return false
	case reflect.Array, reflect.Slice, reflect.Pointer:
		return c.isData(t.Elem())
	case reflect.Map:
		return c.isData(t.Key()) && c.isData(t.Elem())
	case reflect.Struct:
		for f := range t.Fields() {
			if f.Name != "_" && !c.isData(f.Type) {
				return false
			}
		}
	}
	return true
}

// leaf reports whether nobody looks into values of a type.
func (c *classifier) leaf(t reflect.Type) bool {
	switch c.class(t) {
	case classLive, classText:
		return true
	case classUnused:
		return t == typeOnce
	}
	return false
}

// Types that write and read themselves.
var (
	typeBinaryMarshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	typeBinaryUnmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	typeTextMarshaler     = reflect.TypeFor[encoding.TextMarshaler]()
	typeTextUnmarshaler   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func marshals(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(typeBinaryMarshaler) && p.Implements(typeBinaryUnmarshaler) ||
		p.Implements(typeTextMarshaler) && p.Implements(typeTextUnmarshaler)
}

// marshalValue has a value of classText write itself. It is a variable.
func marshalValue(v reflect.Value) (text []byte, err error) {
	defer recoverAs(&err)
	switch m := v.Addr().Interface().(type) {
	case *time.Time:
		return writeTime(*m)
	case **time.Location:
		if *m == nil {
			return nil, nil
		}
		return []byte((*m).String()), nil
	case encoding.BinaryMarshaler:
		if _, ok := m.(encoding.BinaryUnmarshaler); ok {
			return m.MarshalBinary()
		}
	}
	return v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
}

// unmarshalValue has a variable of classText read what marshalValue has written.
func unmarshalValue(v reflect.Value, text []byte) (err error) {
	defer recoverAs(&err)
	switch m := v.Addr().Interface().(type) {
	case *time.Time:
		return readTime(m, text)
	case **time.Location:
		*m, err = location(string(text))
		return err
	case encoding.BinaryUnmarshaler:
		if _, ok := m.(encoding.BinaryMarshaler); ok {
			return m.UnmarshalBinary(text)
		}
	}
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text)
}

func recoverAs(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v", v)
	}
}

// writeTime writes a time with the name of its zone, which MarshalBinary does
// not, and without the reading of the monotonic clock, which counts from the
// start of the process.
func writeTime(t time.Time) ([]byte, error) {
	binary, err := t.Round(0).MarshalBinary()
	return append(append([]byte(t.Location().String()), 0), binary...), err
}

func readTime(t *time.Time, text []byte) error {
	name, binary, ok := strings.Cut(string(text), "\x00")
	if !ok {
		return errImage
	}
	if err := t.UnmarshalBinary([]byte(binary)); err != nil {
		return err
	}
	// A zone that nobody knows by this name stays an offset.
	if l, err := location(name); err == nil {
		*t = t.In(l)
	} else if zone, offset := t.Zone(); zone == "" && name != "" {
		*t = t.In(time.FixedZone(name, offset))
	}
	return nil
}

func location(name string) (*time.Location, error) {
	switch name {
	case "Local":
		return time.Local, nil
	case "UTC":
		return time.UTC, nil
	case "":
		return nil, errImage
	}
	return time.LoadLocation(name)
}
