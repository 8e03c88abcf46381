package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// root of the repository, from here.
var root = filepath.FromSlash("../../../..")

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// constants returns the values of the string constants of a type, in the order
// of the source.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(file)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, value)
		}
		return true
	})
	if len(out) < 3 {
		t.Fatalf("%d constants of type %s in %s", len(out), typ, file)
	}
	return out
}

// TestCodesDocumented keeps docs/codes.md equal to manifest.Codes: all codes in order,
// each with its title, severity and rung and the three questions answered.
func TestCodesDocumented(t *testing.T) {
	doc := readDoc(t, "codes.md")
	var rows, names []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[ANV\d+\].*$`).FindAllString(doc, -1) {
		rows = append(rows, strings.ReplaceAll(m, "`", ""))
	}
	sections := strings.Split(doc, "\n## ")[1:]
	for _, s := range sections {
		name, _, _ := strings.Cut(s, "\n")
		names = append(names, name)
	}
	codes := constants(t, "hotreload/manifest/code.go", "Code")
	if !slices.Equal(names, codes) {
		t.Fatalf("the sections are %q, the code has %q", names, codes)
	}
	all := manifest.Codes()
	if len(all) != len(codes) || len(rows) != len(codes) {
		t.Fatalf("%d codes are described and %d listed, there are %d", len(all), len(rows), len(codes))
	}
	for i, code := range all {
		name, body, _ := strings.Cut(sections[i], "\n")
		if name != string(code.Code) {
			t.Fatalf("%s stands where the code has %s", name, code.Code)
		}
		_, anchor, _ := strings.Cut(code.Code.URL(), "#")
		if want := fmt.Sprintf("| [%s](#%s) | %s |", name, anchor, code.Title); rows[i] != want {
			t.Errorf("the table has %q, want %q", rows[i], want)
		}
		if want := fmt.Sprintf("\n*%s · %s*\n\n", code.Severity, code.Rung); !strings.HasPrefix(body, want) {
			t.Errorf("%s does not begin with %q", name, strings.TrimSpace(want))
		}
		for _, part := range []string{"**What anvil-lsp does.**", "**How to mend it.**"} {
			if strings.Count(body, part) != 1 {
				t.Errorf("%s has no paragraph %s", name, part)
			}
		}
		if !strings.Contains(body, "```go\n") && !strings.Contains(body, "\n    ") {
			t.Errorf("%s has no example", name)
		}
	}
}

// TestJSONDocumented keeps docs/json.md equal to control.Event.
func TestJSONDocumented(t *testing.T) {
	doc := readDoc(t, "json.md")
	kinds := constants(t, "hotreload/control/event.go", "EventKind")
	described := regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| [^|]+ \\|$").FindAllStringSubmatch(doc, -1)
	var names []string
	for _, m := range described {
		if m[1] != "event" { // the head of the table
			names = append(names, m[1])
		}
	}
	if !slices.Equal(names, kinds) {
		t.Errorf("the table of events has %q, the code has %q", names, kinds)
	}

	_, fields, _ := strings.Cut(doc, "\n## Fields\n")
	fields, _, _ = strings.Cut(fields, "\n## ")
	tables := strings.Split(fields, "\n### ")
	types := []reflect.Type{reflect.TypeFor[control.Event](), reflect.TypeFor[control.Step](), reflect.TypeFor[manifest.Diagnostic](), reflect.TypeFor[control.Prediction](), reflect.TypeFor[manifest.Route](), reflect.TypeFor[control.RouteStats]()}
	if len(tables) != len(types) {
		t.Fatalf("%d tables of fields, want %d", len(tables), len(types))
	}
	for i, table := range tables {
		checkFields(t, table, types[i])
	}
	_, others, _ := strings.Cut(doc, "\n## Other commands\n")
	for name, typ := range map[string]reflect.Type{
		"check": reflect.TypeFor[checkResult](), "manifest diff": reflect.TypeFor[manifestDiff](), "routes": reflect.TypeFor[routeList](),
		"ctl status": reflect.TypeFor[control.Status](),
	} {
		_, table, _ := strings.Cut(others, "\n### "+name+"\n")
		table, _, _ = strings.Cut(table, "\n### ")
		checkFields(t, table, typ)
	}

	seen := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(doc, -1) {
		for line := range strings.Lines(block[1]) {
			dec := json.NewDecoder(strings.NewReader(line))
			dec.DisallowUnknownFields()
			var ev control.Event
			if err := dec.Decode(&ev); err != nil {
				t.Errorf("%s%v", line, err)
				continue
			}
			again, err := json.Marshal(ev)
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSpace(line); string(again) != want {
				t.Errorf("written  %s\nprinted  %s", want, again)
			}
			seen[string(ev.Kind)] = true
		}
	}
	for _, kind := range kinds {
		if !seen[kind] {
			t.Errorf("no example of the event %s", kind)
		}
	}
}

// checkFields compares the first column of a table with the fields of a type.
func checkFields(t *testing.T, table string, typ reflect.Type) {
	t.Helper()
	var got []string
	for line := range strings.Lines(table) {
		if first, ok := strings.CutPrefix(line, "| `"); ok {
			first, _, _ = strings.Cut(first, " |")
			got = append(got, strings.Split(strings.ReplaceAll(first, "`", ""), ", ")...)
		}
	}
	if want := jsonNames(typ); !slices.Equal(got, want) {
		t.Errorf("fields of %v: documented %q, in the code %q", typ, got, want)
	}
}

// jsonNames returns the names of a struct's fields, those of embedded structs
// in their place.
func jsonNames(t reflect.Type) []string {
	var out []string
	for f := range fieldsOf(t) {
		if f.Anonymous {
			out = append(out, jsonNames(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// TestCommandsDocumented keeps docs/cli.md equal to what --help says.
func TestCommandsDocumented(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nMade from `--help` by `go test ./cmd/anvil-lsp/internal/cli -update`; do not edit.\n\n" +
		"Exit codes: 0 when all went well, 1 when something failed, 2 when the command line is at fault. `check` and `manifest diff` have their own.\n")
	p := newProgram(t, nil)
	var describe func(*cobra.Command)
	describe = func(cmd *cobra.Command) {
		if cmd.Name() == "help" || cmd.Name() == "completion" {
			return
		}
		out := &bytes.Buffer{}
		cmd.InitDefaultHelpFlag()
		cmd.InitDefaultVersionFlag()
		cmd.SetOut(out)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s\n```\n", cmd.CommandPath(), strings.TrimSpace(out.String()))
		for _, sub := range cmd.Commands() {
			describe(sub)
		}
	}
	describe(p.root())
	name := filepath.Join(root, "docs", "cli.md")
	if testkit.Updating() {
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := readDoc(t, "cli.md"); got != b.String() {
		t.Errorf("docs/cli.md is not what --help says; run go test ./cmd/anvil-lsp/internal/cli -update")
	}
}
