package syntax

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	const base = "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n"
	tests := []struct {
		name           string
		text           string
		tokens, header bool // differ from base
	}{
		{"comment", "// Package p.\npackage p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) } // f\n", false, false},
		{"formatting", "package p\nimport \"fmt\"\nfunc f() {\n\tfmt.Println(1)\n}\n", false, false},
		{"trailing comma", "package p\n\nimport \"fmt\"\n\nfunc f() {\n\tfmt.Println(\n\t\t1,\n\t)\n}\n", false, false},
		{"grouped import", "package p\n\nimport (\n\t\"fmt\"\n)\n\nfunc f() { fmt.Println(1) }\n", false, false},
		{"named import", "package p\n\nimport fmt \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, false},
		{"statement more", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1); f() }\n", true, false},
		{"argument more", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1, 1) }\n", true, false},
		{"white space", "package p\n\nimport \"fmt\"\n\n\n\nfunc  f()  {  fmt.Println(1) }\n", false, false},
		{"body", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(2) }\n", true, false},
		{"import", "package p\n\nimport (\n\t\"fmt\"\n\t_ \"os\"\n)\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"directive", "package p\n\nimport \"fmt\"\n\n//go:noinline\nfunc f() { fmt.Println(1) }\n", true, false},
		{"constraint", "//go:build linux\n\npackage p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"package", "package q\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"embed", "package p\n\nimport \"fmt\"\n\n//go:embed x\nvar x string\n\nfunc f() { fmt.Println(1) }\n", true, true},
		{"half typed", "package p\n\nimport \"fmt\"\n\nfunc f() { fmt.Println(1) \n", true, false},
	}
	was := digestGo([]byte(base))
	for _, tt := range tests {
		now := digestGo([]byte(tt.text))
		if (now.Tokens != was.Tokens) != tt.tokens || (now.Header != was.Header) != tt.header || now.Content == was.Content {
			t.Errorf("%s: tokens differ: %t, header differs: %t; want %t, %t", tt.name, now.Tokens != was.Tokens, now.Header != was.Header, tt.tokens, tt.header)
		}
	}
	same := func(name, a, b string, want bool) {
		t.Helper()
		if got := digestGo([]byte(a)).Tokens == digestGo([]byte(b)).Tokens; got != want {
			t.Errorf("%s: the same tokens: %t, want %t", name, got, want)
		}
	}
	const two = "package p\n\nimport \"a\"\nimport x \"b\"\n"
	same("sorted and grouped imports", two, "package p\n\nimport (\n\tx \"b\"\n\n\t\"a\"\n)\n", true)
	same("on one line", two, `package p; import ("a"; x "b")`, true)
	same("the other import is named", two, "package p\n\nimport (\n\t\"b\"\n\tx \"a\"\n)\n", false)
	same("an import less", two, "package p\n\nimport \"a\"\n", false)
	same("a blank import", two, strings.Replace(two, "x ", "_ ", 1), false)
	same("a comma between brackets decides", "package p\n\ntype T[P *C,] struct{}\n", "package p\n\ntype T[P *C] struct{}\n", false)
	same("elements", "package p\n\nvar x = []int{1, 2}\n", "package p\n\nvar x = []int{\n\t1,\n\t2,\n}\n", true)
	same("an empty condition", "package p\n\nfunc f() { for ; ; { } }\n", "package p\n\nfunc f() { for ; { } }\n", false)
	cgo := "package p\n\n// int one;\nimport \"C\"\n"
	if digestGo([]byte(cgo)).Tokens == digestGo([]byte(strings.Replace(cgo, "one", "two", 1))).Tokens {
		t.Error("the C code in a cgo comment counts")
	}
}

func TestCompareDecls(t *testing.T) {
	const base = "package p\n\nimport \"fmt\"\n\nconst (\n\tA = iota\n\tB\n)\n\ntype T struct{ X int }\n\nfunc (t *T) M() int { return t.X }\n\nfunc f() { fmt.Println(1) }\n\nfunc init() {}\n\nfunc init() {}\n\nfunc long() {\n\tfmt.Println(1, 1)\n\n\tif true {\n\t\tfmt.Println(2, 2)\n\t}\n}\n\ntype S struct {\n\tA int\n\tB int\n}\n"
	tests := []struct{ name, old, new, at, want string }{
		{"body", "Println(1)", "Println(2)", "p.go:14:6", "the body of f changed"},
		{"method body", "return t.X", "return 0", "p.go:12:13", "the body of T.M changed"},
		{"signature", "func f()", "func f(n int)", "p.go:14:6", "f changed"},
		{"field", "X int", "X, Y int", "p.go:10:6", "T changed"},
		{"constant", "A = iota", "A = 1 + iota", "p.go:6:2", "A changed"},
		{"constant of a group", "\tB\n", "\tB = 7\n", "p.go:7:2", "B changed"},
		{"constant removed from a group", "\tB\n", "", "p.go:6:2", "B was removed"},
		{"function removed", "func f() { fmt.Println(1) }\n", "", "p.go", "f was removed"},
		{"type removed, body changed", "type T struct{ X int }\n\nfunc (t *T) M() int { return t.X }\n\nfunc f() { fmt.Println(1) }\n", "func f() { fmt.Println(2) }\n", "p.go:10:6", "f changed"},
		{"new function", "type T", "func g() {}\n\ntype T", "p.go:10:6", "g changed"},
		{"second init", "{}\n\nfunc init() {}", "{}\n\nfunc init() { f() }", "p.go:18:6", "the body of init changed"},
		{"line of a body", "Println(2, 2)", "Println(2, 3)", "p.go:24:3", "the body of long changed"},
		{"line and a comment above", "\tfmt.Println(1, 1)\n\n\tif true", "\t// once\n\tfmt.Println(1, 1)\n\n\n\tif !false", "p.go:25:2", "the body of long changed"},
		{"new line in a body", "\tif true {\n", "\tf()\n\tif true {\n", "p.go:23:2", "the body of long changed"},
		{"line of a body removed", "\tfmt.Println(1, 1)\n", "", "p.go:22:2", "the body of long changed"},
		{"last lines of a body removed", "\n\tif true {\n\t\tfmt.Println(2, 2)\n\t}\n", "", "p.go:21:2", "the body of long changed"},
		{"last field removed", "\tB int\n", "", "p.go:29:2", "S changed"},
		{"last field of another type", "\tB int\n", "\tB string\n", "p.go:30:2", "S changed"},
		{"comment", "func f", "// f prints.\nfunc f", "p.go", ""},
	}
	for _, tt := range tests {
		c := CompareDecls("p.go", digestGo([]byte(base)), digestGo([]byte(strings.Replace(base, tt.old, tt.new, 1))))
		if c.Pos.String() != tt.at || c.String() != tt.want {
			t.Errorf("%s: %s: %q, want %s: %q", tt.name, c.Pos, c, tt.at, tt.want)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add([]byte("package p\n\nimport \"C\"\n"))
	f.Add([]byte("//go:build x\npackage"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, b := digestGo(data), digestGo(slices.Clone(data)); a.Content != b.Content || a.Tokens != b.Tokens || a.Header != b.Header || !reflect.DeepEqual(a.decls, b.decls) {
			t.Error("the digest of the same text differs")
		}
	})
}
