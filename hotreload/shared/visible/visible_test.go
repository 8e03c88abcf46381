package visible

import (
	"fmt"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ in, line, text string }{
		{"", "", ""},
		{"GET /größe/日本", "GET /größe/日本", "GET /größe/日本"},
		{"\x1b]0;PWNED\x07", `\x1b]0;PWNED\x07`, `\x1b]0;PWNED\x07`},
		{"a\nb\tc\r\nd\re", `a\nb\tc\r\nd\re`, "a\nb\tc\nd" + `\re`},
		{"\u009b2J\u0085\x7f", `\u009b2J\u0085\x7f`, `\u009b2J\u0085\x7f`},
		{"\x9b2J\xff\xc3", `\x9b2J\xff\xc3`, `\x9b2J\xff\xc3`}, // an eight-bit terminal takes the first for CSI
		{"a\u202eb\u2066c\u200e\u061c", `a\u202eb\u2066c\u200e\u061c`, `a\u202eb\u2066c\u200e\u061c`},
		{"x\u2028y\u2029z", `x\u2028y\u2029z`, `x\u2028y\u2029z`},
		{"adm\u200bin\ufeff\u00ad", `adm\u200bin\ufeff\u00ad`, `adm\u200bin\ufeff\u00ad`},
		{"\U000e0041", `\U000e0041`, `\U000e0041`},
		{"👩\u200d💻 می\u200cخواهم \u0600١", "👩\u200d💻 می\u200cخواهم \u0600١", "👩\u200d💻 می\u200cخواهم \u0600١"},
		{"a \ufffd b", "a \ufffd b", "a \ufffd b"}, // a character like any other
	} {
		if got := Line(tt.in); got != tt.line {
			t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.line)
		}
		if got := Text(tt.in); got != tt.text {
			t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.text)
		}
	}
	for r := rune(0); r < 0xa0; r++ {
		if control := r < ' ' || r >= 0x7f; Rune(r) == control {
			t.Errorf("%U is shown as itself: %v", r, !control)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("a\x1b[2J\u202e\x9b\n")
	f.Fuzz(func(t *testing.T, s string) {
		for _, out := range []string{Line(s), Text(s)} {
			if !utf8.ValidString(out) {
				t.Errorf("%q is no UTF-8", out)
			}
			for _, r := range out {
				if !Rune(r) && (r != '\n' && r != '\t' || out != Text(s)) {
					t.Errorf("%q has %U", out, r)
				}
			}
		}
	})
}

type inner struct {
	Name    string
	Message string
	hidden  string
}

type kind string

type outer struct {
	Kind    kind
	At      time.Time
	One     *inner
	None    *inner
	All     []inner
	By      map[string]inner
	Any     any
	Two     [2]string
	Raw     []byte
	Message string
	Count   int
}

func TestOf(t *testing.T) {
	const bad = "a\x1b\nb"
	one := inner{Name: bad, Message: bad, hidden: bad}
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	v := outer{
		Kind: bad, At: at, One: &one, All: []inner{one}, By: map[string]inner{bad: one}, Any: []string{bad}, Two: [2]string{bad, "c"}, Raw: []byte(bad), Message: bad, Count: 3,
	}
	before := fmt.Sprintf("%+v %+v", v, *v.One)
	got := Of(v, "Message")
	clean := inner{Name: `a\x1b\nb`, Message: "a\\x1b\nb", hidden: bad}
	want := outer{
		Kind: `a\x1b\nb`, At: at, One: &clean, All: []inner{clean}, By: map[string]inner{`a\x1b\nb`: clean}, Any: []string{`a\x1b\nb`}, Two: [2]string{`a\x1b\nb`, "c"},
		Raw: []byte(bad), Message: "a\\x1b\nb", Count: 3,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant\n%+v", got, want)
	}
	if after := fmt.Sprintf("%+v %+v", v, *v.One); after != before {
		t.Errorf("the value was changed: %s", after)
	}
	if got := Of[any](nil); got != nil {
		t.Errorf("%v", got)
	}
	if got := Of(&v); got == &v || got.One == v.One || got.One.Name != clean.Name {
		t.Errorf("%+v", got)
	}
}
