package shape

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/symbol"
)

// syntaxType is a type that was read from text. Reflection tells the type
// arguments of an instance only in the text of its name, as the compiler writes
// it, and a shape is text too. The notations are alike; both are read here.
//
// The compiler's differs in that it escapes dots in the last element of an
// import path (host%2ev2.T), numbers types that are declared in functions
// (host.T·3), puts the arguments of the function's type parameters before a ;
// (host.T[int;string]) and leaves out the name of most embedded fields.
type syntaxType struct {
	name      Name // without a name it is a literal
	structure Structure

	hot    bool // "named": a hot type
	number int  // "^2": the second hot type in the text
}

func (t *syntaxType) Named() (Name, bool) { return t.name, t.name.Name != "" }

func (t *syntaxType) Structure() Structure { return t.structure }

// parseTypes reads a list of types. What it cannot make sense of, in the
// notation of some later compiler, it returns as one name.
func parseTypes(text string) []Type {
	p := typeParser{input: text}
	list := p.types("")
	if p.failed || p.input != "" {
		return []Type{&syntaxType{name: Name{Name: symbol.StripGeneration(localNumber.ReplaceAllString(text, ""))}}}
	}
	return list
}

// syntaxTree is a shape that was read from its text.
type syntaxTree struct {
	root *syntaxType
	hot  []*syntaxType // the hot types in their order

	within bool // a hot type is being described
}

func parse(text string) (syntaxTree, bool) {
	p := typeParser{input: text}
	root := p.typ()
	return syntaxTree{root: root, hot: p.hot}, !p.failed && p.input == ""
}

// resolve returns a type that was read, or the one that it refers to.
func (s syntaxTree) resolve(t Type) *syntaxType {
	text := t.(*syntaxType)
	if text.number > 0 && text.number <= len(s.hot) {
		return s.hot[text.number-1]
	}
	return text
}

// localNumber is what the compiler adds to the names of types that are declared
// in functions. Which number it is depends on the other declarations.
var localNumber = regexp.MustCompile(`·[0-9]+`)

// typeParser is a recursive descent parser. After a failure what it returns is
// meaningless, but it ends.
type typeParser struct {
	input  string // what is left of it
	failed bool
	depth  int
	hot    []*syntaxType
}

func (p *typeParser) fail() { p.failed, p.input = true, "" }

// accept skips a token if it is next.
func (p *typeParser) accept(token string) bool {
	rest, ok := strings.CutPrefix(p.input, token)
	p.input = rest
	return ok
}

func (p *typeParser) expect(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

// close reports whether a list ends here.
func (p *typeParser) close(end string) bool {
	p.accept(" ")
	return p.failed || p.accept(end)
}

// word takes the characters of an identifier, qualified or not.
func (p *typeParser) word() string {
	end := strings.IndexAny(p.input, " ()[]{};,\"*=^<")
	if end < 0 {
		end = len(p.input)
	}
	word := p.input[:end]
	p.input = p.input[end:]
	return word
}

// types reads a list up to an end, which it takes, or to the end of the text.
func (p *typeParser) types(end string) []Type {
	var list []Type
	for {
		list = append(list, p.typ())
		switch {
		case p.accept(", "), p.accept(","), p.accept(";"):
		case end == "" || p.accept(end):
			return list
		default:
			p.fail()
			return list
		}
	}
}

func (p *typeParser) typ() *syntaxType {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > 10*maxDepth {
		p.fail()
	}
	t := &syntaxType{}
	s := &t.structure
	switch {
	case p.failed:
	case p.accept("*"):
		s.Kind, s.Elem = reflect.Pointer, p.typ()
	case p.accept("[]"):
		s.Kind, s.Elem = reflect.Slice, p.typ()
	case p.accept("["):
		s.Kind, s.Len = reflect.Array, p.length()
		p.expect("]")
		s.Elem = p.typ()
	case p.accept("map["):
		s.Kind, s.Key = reflect.Map, p.typ()
		p.expect("]")
		s.Elem = p.typ()
	case p.accept("<-chan "):
		s.Kind, s.Dir, s.Elem = reflect.Chan, reflect.RecvDir, p.typ()
	case p.accept("chan<- "):
		s.Kind, s.Dir, s.Elem = reflect.Chan, reflect.SendDir, p.typ()
	case p.accept("chan "):
		s.Kind, s.Dir, s.Elem = reflect.Chan, reflect.BothDir, p.typ()
	case p.accept("func("):
		*s = p.signature()
	case p.accept("struct {"), p.accept("struct{"):
		s.Kind, s.Members = reflect.Struct, p.fields()
	case p.accept("interface {"), p.accept("interface{"):
		s.Kind, s.Members = reflect.Interface, p.methods()
	case p.accept("("):
		t = p.typ()
		p.expect(")")
	case p.accept("^"):
		t.number = p.length()
	case p.accept("named "):
		t = p.definition()
	default:
		t.name = p.name()
	}
	return t
}

func (p *typeParser) length() int {
	end := len(p.input) - len(strings.TrimLeft(p.input, "0123456789"))
	n, err := strconv.Atoi(p.input[:end])
	p.input = p.input[end:]
	if err != nil {
		p.fail()
	}
	return n
}

// definition reads what follows "named": a structure, before which the name of
// an instance can stand.
func (p *typeParser) definition() *syntaxType {
	t := &syntaxType{hot: true}
	p.hot = append(p.hot, t)
	literal := p.typ()
	if len(literal.name.Args) > 0 {
		t.name = literal.name
		p.expect(" ")
		literal = p.typ()
	}
	t.structure = literal.structure
	if literal.name.Name != "" {
		t.structure.Basic = literal.name.Name
	}
	return t
}

func (p *typeParser) name() Name {
	word, _, _ := strings.Cut(p.word(), "·")
	name := Name{Name: word}
	if name.Name == "" {
		p.fail()
	}
	name.Path, name.Name = splitName(name.Name)
	if p.accept("[") {
		name.Args = p.types("]")
	}
	if rest, ok := strings.CutPrefix(p.input, "·"); ok {
		p.input = strings.TrimLeft(rest, "0123456789")
	}
	return name
}

// splitName returns the import path and the name in a qualified identifier.
func splitName(qualified string) (path, name string) {
	dot := strings.LastIndexByte(qualified, '.')
	if dot < 0 || qualified == "unsafe.Pointer" {
		return "", qualified
	}
	return symbol.Unescape(qualified[:dot]), qualified[dot+1:]
}

// signature reads what follows "func(".
func (p *typeParser) signature() Structure {
	s := Structure{Kind: reflect.Func}
	for !p.close(")") {
		variadic := p.accept("...")
		t := p.typ()
		if variadic {
			s.Variadic = true
			t = &syntaxType{structure: Structure{Kind: reflect.Slice, Elem: t}}
		}
		s.In = append(s.In, t)
		if !p.accept(",") && !strings.HasPrefix(p.input, ")") {
			p.fail()
		}
	}
	switch {
	case p.accept(" ("):
		if !p.accept(")") {
			s.Out = p.types(")")
		}
	case len(p.input) > 1 && p.input[0] == ' ' && !strings.ContainsRune("}\"", rune(p.input[1])):
		p.accept(" ")
		s.Out = []Type{p.typ()}
	}
	return s
}

// methods reads what follows "interface{".
func (p *typeParser) methods() []Member {
	var methods []Member
	for !p.close("}") {
		m := member(p.word())
		p.expect("(")
		m.Type = &syntaxType{structure: p.signature()}
		methods = append(methods, m)
		p.accept(";")
	}
	return methods
}

// fields reads what follows "struct{".
func (p *typeParser) fields() []Member {
	var fields []Member
	for !p.close("}") {
		f := p.field()
		if p.accept(` "`) {
			p.input = `"` + p.input
			quoted, err := strconv.QuotedPrefix(p.input)
			if err != nil {
				p.fail()
			}
			f.Tag, _ = strconv.Unquote(quoted)
			p.accept(quoted)
		}
		fields = append(fields, f)
		p.accept(";")
	}
	return fields
}

func (p *typeParser) field() Member {
	start := p.input
	word := p.word()
	switch {
	case p.accept(" = "):
		f := member(word)
		f.Embedded, f.Type = true, p.typ()
		return f
	case word != "" && p.accept(" ") && !strings.HasPrefix(p.input, `"`) && !strings.HasPrefix(p.input, "}"):
		f := member(word)
		f.Type = p.typ()
		return f
	}
	p.input = start
	t := p.typ() // embedded under its own name
	named := t
	if elem, ok := t.structure.Elem.(*syntaxType); ok && t.structure.Kind == reflect.Pointer {
		named = elem
	}
	f := Member{Name: named.name.Name, Type: t, Embedded: true}
	if !exported(f.Name) {
		f.Path = named.name.Path
	}
	return f
}

// member returns a field or method with a name that is qualified if it is not
// exported.
func member(word string) Member {
	path, name := splitName(word)
	return Member{Path: path, Name: name}
}

func exported(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(r)
}
