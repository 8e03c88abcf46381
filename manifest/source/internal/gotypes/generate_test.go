package gotypes_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A generator writes packages of random type declarations that compile. The
// packages import those before them.
type generator struct {
	r        *rand.Rand
	packages []*generatedPackage
	count    int // of names used up

	// rename is a prefix for the names of all types; embedding, which makes a
	// field name of a type's, is left out if it is set.
	rename string
}

type generatedPackage struct {
	path, name string // name differs from the last element of path
	decls      []*declared
	text       strings.Builder
	asked      []string // the types that the package is asked for, by id
}

// declared is a type that can be used by name.
type declared struct {
	pkg        *generatedPackage // nil in the standard library
	qualified  string            // as another package writes it
	name       string
	params     []string // constraints
	comparable bool
	isIface    bool // an interface
	noEmbed    bool // a pointer
	alias      bool
}

// library is the standard library's share of host types.
var library = []*declared{
	{qualified: "time.Time", comparable: true}, {qualified: "time.Duration", comparable: true},
	{qualified: "context.Context", comparable: true, isIface: true}, {qualified: "http.Request"}, {qualified: "http.Header"},
	{qualified: "url.Values"}, {qualified: "json.RawMessage"}, {qualified: "fmt.Stringer", comparable: true, isIface: true},
	{qualified: "atomic.Pointer", params: []string{"any"}}, {qualified: "iter.Seq2", params: []string{"any", "any"}},
	{qualified: "unique.Handle", params: []string{"comparable"}, comparable: true},
}

var libraryImports = []string{"context", "encoding/json", "fmt", "iter", "net/http", "net/url", "sync/atomic", "time", "unique"}

var (
	basics           = []string{"bool", "int", "int8", "int64", "uint16", "uintptr", "byte", "rune", "float32", "complex128", "string", "unsafe.Pointer", "error", "any"}
	comparableBasics = []string{"bool", "int", "uint8", "rune", "string", "float64", "error"}
	tags             = []string{`json:"x,omitempty"`, `path:"id" query:"q"`, `a:"]"`, `[`, `"`, "é·3", `\`, "`", `x:"anvil.g1/y"`, "%2e", "; M()", " = "}
)

// scope is where a type expression stands.
type scope struct {
	pkg    *generatedPackage
	limit  int      // declarations of the package that can be used everywhere
	direct bool     // only those before limit: the value holds the type
	params []string // constraints of the type parameters P0, P1, ... in scope
	body   bool     // in the body of a generic type
	alias  bool     // in that of an alias
	done   bool     // after all declarations of the package
	local  []*declared
	depth  int
}

func (s scope) inside() scope {
	s.direct = false
	s.depth++
	return s
}

func newGenerator(seed uint64, rename string) *generator {
	return &generator{r: rand.New(rand.NewPCG(seed, 1)), rename: rename}
}

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) fresh(exported bool) string {
	g.count++
	letter := pick(g, []string{"A", "K", "Ö", "Z"})
	if !exported {
		letter = pick(g, []string{"a", "k", "ö", "_z"})
	}
	return letter + strconv.Itoa(g.count)
}

// typeName returns the name for a type, with the prefix of the generator.
func (g *generator) typeName(exported bool) string {
	name := g.fresh(exported)
	if exported {
		return "T" + g.rename + name
	}
	return "t" + g.rename + name
}

// generate writes a package with n declarations.
func (g *generator) generate(importPath string, n int) *generatedPackage {
	p := &generatedPackage{path: importPath, name: "p" + strconv.Itoa(len(g.packages))}
	fmt.Fprintf(&p.text, "package %s\n\nimport (\n\t\"reflect\"\n\t\"unsafe\"\n", p.name)
	for _, other := range g.packages {
		fmt.Fprintf(&p.text, "\t%s %q\n", other.name, other.path)
	}
	for _, path := range libraryImports {
		fmt.Fprintf(&p.text, "\t%q\n", path)
	}
	p.text.WriteString(")\n\nvar _ unsafe.Pointer\n")
	for _, use := range library {
		args := strings.TrimSuffix(strings.Repeat("int, ", len(use.params)), ", ")
		fmt.Fprintf(&p.text, "type _ = %s\n", strings.TrimSuffix(use.qualified+"["+args+"]", "[]"))
	}
	for i, other := range g.packages {
		fmt.Fprintf(&p.text, "type _ = %s.%s\n", other.name, "Used"+strconv.Itoa(i))
	}
	fmt.Fprintf(&p.text, "type Used%d struct{}\n\n", len(g.packages))

	// All names come first, so that declarations can refer to later ones.
	for range n {
		exported := g.r.IntN(2) == 0
		d := &declared{pkg: p, name: g.typeName(exported), alias: g.r.IntN(6) == 0}
		d.qualified = p.name + "." + d.name
		if g.r.IntN(4) == 0 {
			for range 1 + g.r.IntN(2) {
				d.params = append(d.params, pick(g, []string{"any", "any", "comparable"}))
			}
		}
		p.decls = append(p.decls, d)
	}
	for i, d := range p.decls {
		p.text.WriteString("type " + g.declaration(d, scope{pkg: p, limit: i}) + "\n\n")
	}
	p.text.WriteString("func Types(add func(string, reflect.Type)) {\n")
	done := scope{pkg: p, limit: n, done: true}
	g.ask(p, done, p.decls)
	for range n / 2 {
		p.ask(g.typ(done))
	}
	for range n / 8 {
		g.block(p, done)
	}
	p.text.WriteString("}\n")
	g.packages = append(g.packages, p)
	return p
}

// block writes a function body with types of its own, always by the same names.
func (g *generator) block(p *generatedPackage, s scope) {
	p.text.WriteString("\t{\n")
	for _, name := range []string{"Local", "local", "other"} {
		d := &declared{pkg: p, name: g.rename + name}
		d.qualified = d.name
		if g.r.IntN(4) == 0 {
			d.params = []string{"any"}
		}
		p.text.WriteString("\ttype " + g.declaration(d, s) + "\n")
		s.local = append(s.local, d)
	}
	g.ask(p, s, s.local)
	for range 4 {
		p.ask(g.typ(s))
	}
	for range 3 {
		p.ask(g.instance(pick(g, g.generics(s)), s))
	}
	p.text.WriteString("\t}\n")
}

func (p *generatedPackage) ask(expression string) {
	fmt.Fprintf(&p.text, "\tadd(%q, reflect.TypeFor[%s]())\n", p.id(len(p.asked)), expression)
	p.asked = append(p.asked, expression)
}

func (p *generatedPackage) id(i int) string { return p.name + " " + strconv.Itoa(i) }

// ask asks for declared types, and for two instances of generic ones.
func (g *generator) ask(p *generatedPackage, s scope, decls []*declared) {
	for _, d := range decls {
		p.ask(g.instance(d, s))
		if len(d.params) > 0 {
			p.ask(g.instance(d, s))
		}
	}
}

// declaration returns what follows the keyword type.
func (g *generator) declaration(d *declared, s scope) string {
	s.direct = true
	head := d.name
	if len(d.params) > 0 {
		var list []string
		for i, constraint := range d.params {
			list = append(list, "P"+strconv.Itoa(i)+" "+constraint)
		}
		head += "[" + strings.Join(list, ", ") + "]"
		s.params, s.body = d.params, true
	}
	if d.alias {
		s.direct, s.alias = false, true
		return g.aliasOf(d, head+" = ", s)
	}
	switch g.r.IntN(12) {
	case 0, 1, 2, 3, 4:
		return head + " " + g.structure(s)
	case 5, 6:
		d.isIface, d.comparable = true, true
		return head + " " + g.iface(s)
	case 7:
		d.comparable = true
		return head + " " + pick(g, comparableBasics[:6])
	case 8:
		return head + " " + g.renamed(d, pick(g, g.usable(s, func(o *declared) bool { return len(o.params) == 0 })), s)
	case 9:
		d.comparable, d.noEmbed = true, true
		// Nor some pointers to what has methods.
		return head + pick(g, []string{" *[]", " *map[string]", " **", " *func() "}) + g.typ(s.inside())
	case 10:
		return head + " " + g.signature(s.inside(), "func")
	default:
		return head + pick(g, []string{" []", " map[string]", " func() ", " chan "}) + g.typ(s.inside())
	}
}

func (g *generator) aliasOf(d *declared, head string, s scope) string {
	switch g.r.IntN(4) {
	case 0:
		s.direct = true // what comes later is not known yet
		return head + g.renamed(d, pick(g, g.usable(s, func(o *declared) bool { return len(o.params) == 0 })), s)
	case 1:
		d.comparable, d.noEmbed = true, true
		return head + "*" + g.typ(s)
	case 2:
		return head + g.structure(s)
	}
	return head + "[]" + g.typ(s)
}

// renamed returns the name of a type whose properties d gets.
func (g *generator) renamed(d, other *declared, s scope) string {
	d.comparable, d.isIface, d.noEmbed = other.comparable, other.isIface, other.noEmbed
	return g.name(other, s)
}

// usable returns the declared types that can stand in a scope.
func (g *generator) usable(s scope, keep func(*declared) bool) []*declared {
	all := slices.Concat(library, s.local)
	for _, p := range g.packages {
		for _, d := range p.decls {
			if d.name[0] == 'T' {
				all = append(all, d)
			}
		}
	}
	for i, d := range s.pkg.decls {
		switch {
		// A cycle through an alias makes the type checker panic if it goes
		// through a type argument, too.
		case d.alias && !s.done && !(s.alias && i < s.limit):
		case i < s.limit, !s.direct && !(s.body && len(d.params) > 0):
			all = append(all, d)
		}
	}
	return slices.DeleteFunc(all, func(d *declared) bool { return !keep(d) })
}

func (g *generator) generics(s scope) []*declared {
	return g.usable(s, func(d *declared) bool { return len(d.params) > 0 })
}

func (g *generator) name(d *declared, s scope) string {
	if d.pkg == s.pkg {
		return d.name
	}
	return d.qualified
}

func (g *generator) instance(d *declared, s scope) string {
	var args []string
	s.depth++
	for _, constraint := range d.params {
		if constraint == "comparable" {
			args = append(args, g.key(s))
		} else {
			args = append(args, g.typ(s))
		}
	}
	if args == nil {
		return g.name(d, s)
	}
	return g.name(d, s) + "[" + strings.Join(args, ", ") + "]"
}

// key returns a type that can be compared.
func (g *generator) key(s scope) string {
	switch g.r.IntN(6) {
	case 0:
		return "*" + g.typ(s.inside())
	case 1:
		return "[2]" + pick(g, comparableBasics)
	case 2:
		if i := slices.Index(s.params, "comparable"); i >= 0 {
			return "P" + strconv.Itoa(i)
		}
	case 3, 4:
		s.direct = true // what comes later is not known to be comparable
		return g.name(pick(g, g.usable(s, func(d *declared) bool { return d.comparable && len(d.params) == 0 })), s)
	}
	return pick(g, comparableBasics)
}

func (g *generator) typ(s scope) string {
	if s.depth > 4 {
		return pick(g, basics)
	}
	in := s.inside()
	switch g.r.IntN(22) {
	case 0, 1, 2, 3:
		return pick(g, basics)
	case 4, 5, 6, 7, 8:
		return g.instance(pick(g, g.usable(s, func(*declared) bool { return true })), s)
	case 9, 10:
		return g.instance(pick(g, g.generics(s)), s)
	case 11:
		return "*" + g.typ(in)
	case 12:
		return "[]" + g.typ(in)
	case 13:
		s.depth++
		return pick(g, []string{"[0]", "[3]", "[1 << 4]"}) + g.typ(s)
	case 14:
		return "map[" + g.key(in) + "]" + g.typ(in)
	case 15:
		return pick(g, []string{"chan ", "<-chan ", "chan<- "}) + "(" + g.typ(in) + ")"
	case 16:
		return g.signature(in, "func")
	case 17, 18:
		s.depth++
		return g.structure(s)
	case 19:
		return g.iface(s)
	}
	if len(s.params) > 0 {
		return "P" + strconv.Itoa(g.r.IntN(len(s.params)))
	}
	return "[]" + g.typ(in)
}

func (g *generator) signature(s scope, keyword string) string {
	var in, out []string
	for range g.r.IntN(3) {
		in = append(in, g.typ(s))
	}
	if g.r.IntN(4) == 0 {
		in = append(in, "..."+g.typ(s))
	}
	for range g.r.IntN(3) {
		out = append(out, g.typ(s))
	}
	return keyword + "(" + strings.Join(in, ", ") + ") (" + strings.Join(out, ", ") + ")"
}

func (g *generator) structure(s scope) string {
	var b strings.Builder
	b.WriteString("struct {")
	embedded := map[string]bool{}
	for range g.r.IntN(5) {
		field := ""
		if g.r.IntN(4) == 0 && g.rename == "" {
			field = g.embed(s, embedded)
		}
		if field == "" {
			name := g.fresh(g.r.IntN(2) == 0)
			if g.r.IntN(8) == 0 {
				name = "_"
			}
			field = name + " " + g.typ(s)
		}
		b.WriteString(" " + field)
		if g.r.IntN(3) == 0 {
			b.WriteString(" " + strconv.Quote(pick(g, tags)))
		}
		b.WriteString(";")
	}
	return b.String() + " }"
}

// embed returns an embedded field with a name that was not used yet.
func (g *generator) embed(s scope, used map[string]bool) string {
	s.direct = true
	s.depth++
	name, star := "", pick(g, []string{"", "*"})
	var field string
	if g.r.IntN(6) == 0 {
		name = pick(g, []string{"int", "error", "any", "byte", "string"})
		field = name
		if name == "error" || name == "any" {
			star = ""
		}
	} else {
		d := pick(g, g.usable(s, func(d *declared) bool { return !d.noEmbed }))
		name = path.Ext("." + d.qualified)[1:]
		field = g.instance(d, s)
		if d.isIface {
			star = ""
		}
	}
	if used[name] {
		return ""
	}
	used[name] = true
	return star + field
}

func (g *generator) iface(s scope) string {
	s.depth++
	in := s.inside()
	var b strings.Builder
	b.WriteString("interface {")
	if g.r.IntN(4) == 0 {
		b.WriteString(" hidden();") // the same name in each package
	}
	for range g.r.IntN(4) {
		switch g.r.IntN(6) {
		case 0:
			// The compiler does not survive all cycles through embedded
			// interfaces.
			others := g.usable(s, func(d *declared) bool {
				return d.isIface && len(d.params) == 0 && (s.done || d.pkg != s.pkg)
			})
			b.WriteString(" " + g.name(pick(g, others), s) + ";")
		default:
			b.WriteString(" " + g.signature(in, g.fresh(g.r.IntN(2) == 0)) + ";")
		}
	}
	return b.String() + " }"
}
