package shape

import "testing"

func TestDescribe(t *testing.T) {
	const page = "func(*hotreload.Ctx, named struct{Page int}) (named struct{Title string}, error)"
	for _, test := range []struct{ before, after, want string }{
		{page, page, ""},
		{"int", "string", "it was int and is string"},
		{page, "func(*hotreload.Ctx, named struct{Page string; Limit int}) (named struct{Title string}, error)",
			"parameter 2: field Page was int and is string, field Limit is new"},
		{page, "func(*hotreload.Ctx, named struct{Page int}) (*named struct{Title string}, error)",
			"result 1 was struct{…} and is *struct{…}"},
		{page, `func(*hotreload.Ctx, named struct{Page int "json:\"p\""}) (named struct{}, error)`,
			`parameter 2: field Page had tag "" and has "json:\"p\"", result 1: field Title is gone`},
		{page, "func(*hotreload.Ctx, named struct{Page int}) (error)",
			"it was func(*hotreload.Ctx, struct{…}) (struct{…}, error) and is func(*hotreload.Ctx, struct{…}) error"},
		{"named struct{A int; B int}", "named struct{B int; A int}", "it has its fields in another order"},
		{"named struct{A int; B int}", "named struct{A int; b int}", "field b is new, field B is gone"},
		{"named struct{example.com/a.b int}", "named struct{b int}", "field b is new, field b is gone"},
		// A package that became hot, or a host package.
		{"func(example.com/app/store.Post) ()", "func(named struct{Title string}) ()",
			"parameter 1 was store.Post of a host package and is struct{…} of a hot package"},
		{"[]named struct{A named int}", "[]named struct{A example.com/app/store.ID}",
			"field A was int of a hot package and is store.ID of a host package"},
		// Inside other types.
		{"named struct{Author *named struct{Names []string}}", "named struct{Author *named struct{Names [2]string}}",
			"field Author.Names was []string and is [2]string"},
		{"map[string][]named struct{A int}", "map[string][]named struct{A bool}", "field A was int and is bool"},
		{"map[string]named struct{A int}", "map[int]named struct{A bool}", "it was map[string]struct{…} and is map[int]struct{…}"},
		{"named struct{A int; tree = ^1}", "named struct{A int; tree ^1}", "field tree is no longer embedded"},
		{"named struct{A int; tree ^1}", "named struct{A int; tree = ^1}", "field tree is embedded now"},
		{"named struct{F func(int) (error)}", "named struct{F func(string) (error)}", "field F.parameter 1 was int and is string"},
		{"named interface{A() (); B(int) ()}", "named interface{B(string) (); c() ()}",
			"method B.parameter 1 was int and is string, method c is new, method A is gone"},
		{"interface{}", "interface{A() ()}", "method A is new"},
		{"chan (int)", "<-chan (int)", "it was chan int and is <-chan int"},
		{"named []^1", "named [][]^1", "it was []… and is [][]…"},
		{"named struct{A int}", "struct{A int}", "it has another structure"},
		{"sync/atomic.Pointer[int]", "sync/atomic.Pointer[func(int, ...string) (int, error)]",
			"it was atomic.Pointer[int] and is atomic.Pointer[func(int, ...string) (int, error)]"},
		{"named sync/atomic.Pointer[_] struct{v named int}", "named sync/atomic.Pointer[_] struct{v named bool}", "field v was int and is bool"},
		{"named example.com/a.G[_] int", "named example.com/b.G[_] int", "it was a.G[_] and is b.G[_]"},
		// Each difference once, in a recursive type too.
		{"named struct{next *^1; value int; other *^1}", "named struct{next *^1; value string; other *^1}", "field value was int and is string"},
		{"named struct{a named struct{x int; up *^1}; b ^2}", "named struct{a named struct{x int; y int; up *^1}; b ^2}", "field a.y is new"},
		{"struct{}", "struct{A int; B int; C int; D int; E int; F int; G int; H int}",
			"field A is new, field B is new, field C is new, field D is new, field E is new, field F is new, and more"},
		// Text that is no shape.
		{"int", "struct{", ""},
		{"^9", "^8", ""},
		{"", "", ""},
	} {
		if got := Describe(test.before, test.after); got != test.want {
			t.Errorf("%s → %s:\ngot  %s\nwant %s", test.before, test.after, got, test.want)
		}
	}
}
