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
	"slices"
	"strings"
	"testing"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
	"github.com/anvilforge/anvil-lsp/internal/testkit"
)

// schemaNode is the part of JSON Schema that describes a manifest.
type schemaNode struct {
	Schema      string                 `json:"$schema,omitempty"`
	ID          string                 `json:"$id,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Ref         string                 `json:"$ref,omitempty"`
	Type        any                    `json:"type,omitempty"` // a name, or several
	Const       any                    `json:"const,omitempty"`
	Properties  *orderedProperties     `json:"properties,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Items       *schemaNode            `json:"items,omitempty"`
	Defs        map[string]*schemaNode `json:"$defs,omitempty"`
}

// orderedProperties are written in the order of the struct's fields.
type orderedProperties struct {
	names []string
	nodes map[string]*schemaNode
}

func (o *orderedProperties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		node, err := json.Marshal(o.nodes[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%q:%s", name, node)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// schemaMaker makes schemas of the structs of package manifest.
type schemaMaker struct {
	comments map[string]string // of Type and Type.Field
	defs     map[string]*schemaNode
}

func (m *schemaMaker) of(t *testing.T, typ reflect.Type) *schemaNode {
	t.Helper()
	switch typ.Kind() {
	case reflect.String:
		return &schemaNode{Type: "string"}
	case reflect.Bool:
		return &schemaNode{Type: "boolean"}
	case reflect.Int:
		return &schemaNode{Type: "integer"}
	case reflect.Slice:
		return &schemaNode{Type: "array", Items: m.of(t, typ.Elem())}
	case reflect.Struct:
		if m.defs[typ.Name()] == nil {
			m.defs[typ.Name()] = &schemaNode{} // for a recursive type
			m.defs[typ.Name()] = m.object(t, typ)
		}
		return &schemaNode{Ref: "#/$defs/" + typ.Name()}
	}
	t.Fatalf("no schema for %v yet", typ)
	return nil
}

func (m *schemaMaker) object(t *testing.T, typ reflect.Type) *schemaNode {
	t.Helper()
	n := &schemaNode{Description: m.comments[typ.Name()], Type: "object", Properties: &orderedProperties{nodes: map[string]*schemaNode{}}}
	for f := range fieldsOf(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		node := m.of(t, f.Type)
		node.Description = m.comments[typ.Name()+"."+f.Name]
		if f.Type.Kind() == reflect.Slice && options == "" {
			node.Type = []string{"array", "null"} // a nil slice
		}
		n.Properties.names = append(n.Properties.names, name)
		n.Properties.nodes[name] = node
		if options == "" {
			n.Required = append(n.Required, name)
		}
	}
	return n
}

// structComments returns the comments of the structs in a file, and of their
// fields.
func structComments(t *testing.T, files ...string) map[string]string {
	t.Helper()
	out := map[string]string{}
	text := func(groups ...*ast.CommentGroup) string {
		var parts []string
		for _, g := range groups {
			parts = append(parts, strings.Fields(g.Text())...)
		}
		return strings.Join(parts, " ")
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(name)), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			spec := decl.Specs[0].(*ast.TypeSpec)
			typ, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			out[spec.Name.Name] = text(decl.Doc)
			for _, field := range typ.Fields.List {
				for _, id := range field.Names {
					out[spec.Name.Name+"."+id.Name] = text(field.Doc, field.Comment)
				}
			}
		}
	}
	return out
}

// manifestSchema makes the schema of a manifest from the Go types.
func manifestSchema(t *testing.T) *schemaNode {
	t.Helper()
	m := &schemaMaker{comments: structComments(t, "hotreload/manifest/manifest.go", "hotreload/manifest/diagnostic.go"), defs: map[string]*schemaNode{}}
	n := m.object(t, reflect.TypeFor[manifest.Manifest]())
	n.Schema = "https://json-schema.org/draft/2020-12/schema"
	n.ID = "https://github.com/anvilforge/anvil-lsp/blob/main/docs/manifest.schema.json"
	n.Title = "anvil-lsp manifest"
	n.Properties.nodes["format"].Const = manifest.FormatVersion
	n.Defs = m.defs
	return n
}

// TestManifestSchema keeps docs/manifest.schema.json equal to manifest.Manifest.
func TestManifestSchema(t *testing.T) {
	want, err := json.MarshalIndent(manifestSchema(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	name := filepath.Join(root, "docs", "manifest.schema.json")
	if testkit.Updating() {
		if err := os.WriteFile(name, want, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := readDoc(t, "manifest.schema.json"); got != string(want) {
		t.Errorf("docs/manifest.schema.json is not what manifest.Manifest is; run go test ./cmd/anvil-lsp/internal/cli -update")
	}
}

// fullManifest has something in every field.
func fullManifest() *manifest.Manifest {
	return &manifest.Manifest{
		Format: manifest.FormatVersion, ABI: 1, Toolchain: "go1.26 linux/amd64", Generation: 7, Handlers: "example.com/blog/handlers",
		Routes: []manifest.Route{{Method: "GET", Pattern: "/", Handler: "handlers.home", Kind: "func(*Ctx) error", Signature: "func(*hotreload.Ctx) error",
			Fingerprint: "5f0c2d8e9b7a6c41", Position: manifest.Position{File: "/src/blog/handlers/routes.go", Line: 62, Column: 2}}},
		State:      []manifest.State{{Key: "hits", Type: "int", Fingerprint: "1"}},
		Registered: []string{"feeds.atom"},
		Host:       []manifest.Package{{Path: "example.com/blog", Hash: "aa"}},
		Hot:        []string{"example.com/blog/handlers"},
		Modules:    []string{"example.com/blog@ go1.26"},
		GODEBUG:    "http2client=0",
	}
}

// TestManifestFollowsSchema validates what is written, with every field and
// with none, and that the published schema refuses what it should.
func TestManifestFollowsSchema(t *testing.T) {
	var schema map[string]any
	if err := json.Unmarshal([]byte(readDoc(t, "manifest.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*manifest.Manifest{fullManifest(), {Format: manifest.FormatVersion}} {
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		if errs := validate(schema, schema, doc, "manifest"); len(errs) > 0 {
			t.Errorf("%s\n%s", strings.Join(errs, "\n"), data)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		var again manifest.Manifest
		if err := dec.Decode(&again); err != nil || !reflect.DeepEqual(&again, m) {
			t.Errorf("read again: %+v, %v", again, err)
		}
	}
	wrong := map[string]any{"format": 2.0, "abi": "1", "toolchain": "", "generation": 1.5, "handlers": "", "routes": []any{map[string]any{"method": 3.0}}, "new": 1.0}
	got := validate(schema, schema, wrong, "m")
	for _, want := range []string{"m.format: 2 is not 1", "m.abi: not integer", "m.generation: not integer", "m.routes[0].method: not string", "m.routes[0]: without pattern", "m: unknown new"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
}

// validate is as much of a validator as the schema needs. Beyond the schema, it
// refuses properties that are not described.
func validate(schema, node map[string]any, v any, at string) (errs []string) {
	if ref, ok := node["$ref"].(string); ok {
		return validate(schema, schema["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), v, at)
	}
	if c, ok := node["const"]; ok && c != v {
		errs = append(errs, fmt.Sprintf("%s: %v is not %v", at, v, c))
	}
	types, several := node["type"].([]any)
	if !several {
		types = []any{node["type"]}
	}
	if !slices.ContainsFunc(types, func(name any) bool { return isType(name, v) }) {
		return append(errs, fmt.Sprintf("%s: not %v", at, node["type"]))
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			errs = append(errs, validate(schema, node["items"].(map[string]any), e, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case map[string]any:
		required, _ := node["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				errs = append(errs, fmt.Sprintf("%s: without %s", at, name))
			}
		}
		for name, e := range v {
			property, ok := node["properties"].(map[string]any)[name].(map[string]any)
			if !ok {
				errs = append(errs, fmt.Sprintf("%s: unknown %s", at, name))
				continue
			}
			errs = append(errs, validate(schema, property, e, at+"."+name)...)
		}
	}
	slices.Sort(errs)
	return errs
}

func isType(name, v any) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case string:
		return name == "string"
	case float64:
		return name == "integer" && v == float64(int(v))
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	}
	return false
}
