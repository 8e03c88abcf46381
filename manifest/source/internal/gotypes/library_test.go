package gotypes_test

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"debug/elf"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"flag"
	"go/ast"
	"go/build"
	"go/types"
	"html/template"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/smtp"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
	"unique"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
	"github.com/anvilforge/anvil-lsp/manifest/source/internal/gotypes"
)

// largeImports are the packages of TestShapeOfLibrary.
var largeImports = []string{
	"crypto/tls", "crypto/x509", "database/sql", "debug/elf", "encoding/gob", "encoding/json", "encoding/xml", "flag", "go/ast",
	"go/build", "go/types", "html/template", "log/slog", "math/big", "net", "net/http", "net/http/httputil", "net/netip", "net/smtp",
	"os", "os/exec", "reflect", "regexp", "sync", "testing", "text/tabwriter", "time",
}

// TestShapeOfLibrary takes the standard library as hot, and compares what the
// producers make of some of its largest types and of all that these refer to:
// code that nobody wrote for this test.
func TestShapeOfLibrary(t *testing.T) {
	files, err := exports()
	if err != nil {
		t.Fatal(err)
	}
	var hot []string
	vendored := 0
	for path := range files {
		if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
			continue
		}
		hot = append(hot, path)
		if strings.HasPrefix(path, "vendor/") {
			vendored++
		}
	}
	reflected, checked := shape.NewReflector(hot), gotypes.NewShapes(hot)
	byName := shape.NewReflector(nil)
	c := newTypeChecker(t)
	total := 0
	for _, typ := range []reflect.Type{
		reflect.TypeFor[http.Server](), reflect.TypeFor[http.Client](), reflect.TypeFor[http.Transport](), reflect.TypeFor[http.Request](),
		reflect.TypeFor[httputil.ReverseProxy](), reflect.TypeFor[tls.Conn](), reflect.TypeFor[x509.Certificate](), reflect.TypeFor[sql.DB](),
		reflect.TypeFor[elf.File](), reflect.TypeFor[gob.Decoder](), reflect.TypeFor[json.Decoder](), reflect.TypeFor[xml.Decoder](),
		reflect.TypeFor[flag.FlagSet](), reflect.TypeFor[ast.File](), reflect.TypeFor[build.Context](), reflect.TypeFor[types.Checker](),
		reflect.TypeFor[types.Config](), reflect.TypeFor[template.Template](), reflect.TypeFor[slog.Logger](), reflect.TypeFor[slog.Record](),
		reflect.TypeFor[big.Rat](), reflect.TypeFor[net.Resolver](), reflect.TypeFor[netip.Prefix](), reflect.TypeFor[smtp.Client](),
		reflect.TypeFor[os.File](), reflect.TypeFor[exec.Cmd](), reflect.TypeFor[regexp.Regexp](), reflect.TypeFor[sync.Map](),
		reflect.TypeFor[tabwriter.Writer](), reflect.TypeFor[time.Timer](), reflect.TypeFor[testing.B](), reflect.TypeFor[reflect.Value](),
		reflect.TypeFor[net.Conn](), reflect.TypeFor[types.Type](), reflect.TypeFor[reflect.Type](), reflect.TypeFor[http.Handler](),
	} {
		pkg, err := c.Import(typ.PkgPath())
		if err != nil {
			t.Fatal(err)
		}
		known := pkg.Scope().Lookup(typ.Name()).Type()
		want := reflected.Of(typ)
		total += strings.Count(want, "named ")
		if got, ok := checked.Of(known); got != want || !ok {
			at := commonPrefix(got, want)
			t.Errorf("%s differs:\nsource  … %.300s\nreflect … %.300s", typ, got[max(at-200, 0):], want[max(at-200, 0):])
		}
		got, _ := gotypes.NewShapes(nil).Of(known)
		if want := byName.Of(typ); got != want || got != typ.PkgPath()+"."+typ.Name() {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if total < 500 || vendored == 0 {
		t.Errorf("only %d types were compared, and %d packages are vendored", total, vendored)
	}
}

// Instances of the library's generic types, and local types of this test.
func TestIdentityOfInstances(t *testing.T) {
	shapes := shape.NewReflector(nil)
	for want, typ := range map[string]reflect.Type{
		"unique.Handle[net/netip.addrDetail]": reflect.TypeFor[netip.Addr]().Field(1).Type,
		"unique.Handle[string]":               reflect.TypeFor[unique.Handle[string]](),
	} {
		if got := shapes.Of(typ); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// BenchmarkShape writes a signature that leads to several hundred types.
func BenchmarkShape(b *testing.B) {
	c := newTypeChecker(b)
	pkg, err := c.Import("net/http")
	if err != nil {
		b.Fatal(err)
	}
	files, err := exports()
	if err != nil {
		b.Fatal(err)
	}
	hot := slices.Collect(maps.Keys(files))
	b.Run("source", func(b *testing.B) {
		shapes, typ := gotypes.NewShapes(hot), pkg.Scope().Lookup("HandlerFunc").Type()
		for b.Loop() {
			shapes.Of(typ)
		}
	})
	b.Run("reflect", func(b *testing.B) {
		shapes, typ := shape.NewReflector(hot), reflect.TypeFor[http.HandlerFunc]()
		for b.Loop() {
			shapes.Of(typ)
		}
	})
}
