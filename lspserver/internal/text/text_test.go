package text

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"go.lsp.dev/protocol"
)

const sample = "package p\n\nvar a = \"aä𐐀z\" // end\r\nlast\rmore"

func at(line, character uint32) protocol.Position {
	return protocol.Position{Line: line, Character: character}
}

func TestPositions(t *testing.T) {
	z := strings.Index(sample, "z")
	for _, tt := range []struct {
		e    Encoding
		want protocol.Position
	}{{UTF8, at(2, 16)}, {UTF16, at(2, 13)}, {UTF32, at(2, 12)}} {
		m := NewMapper([]byte(sample), tt.e)
		if got := m.Position(z); got != tt.want {
			t.Errorf("%s: z is at %v, want %v", tt.e, got, tt.want)
		}
		if got := m.Offset(tt.want); got != z {
			t.Errorf("%s: %v is %d, want %d", tt.e, tt.want, got, z)
		}
		line, column := m.GoPosition(z)
		if line != 3 || column != 17 || m.GoOffset(line, column) != z || m.FromGo(line, column) != tt.want {
			t.Errorf("%s: z is at %d:%d", tt.e, line, column)
		}
		for _, out := range []struct {
			p    protocol.Position
			want int
		}{
			{at(0, 99), 9}, {at(99, 0), len(sample)}, {at(2, 1<<31), strings.Index(sample, "\r\n")},
			{at(1<<32-1, 1<<32-1), len(sample)}, {at(4, 0), strings.Index(sample, "more")},
		} {
			if got := m.Offset(out.p); got != out.want {
				t.Errorf("%s: %v is %d, want %d", tt.e, out.p, got, out.want)
			}
		}
	}
	m := NewMapper([]byte(sample), UTF16)
	if got, want := m.Offset(at(2, 12)), strings.Index(sample, "𐐀"); got != want {
		t.Errorf("the middle of a character is %d, want its beginning %d", got, want)
	}
	if got := m.GoOffset(3, 0); got != strings.Index(sample, "var") {
		t.Errorf("line 3 begins at %d", got)
	}
	if got := m.GoOffset(99, 1); got != len(sample) {
		t.Errorf("line 99 is at %d", got)
	}
}

func change(from, to protocol.Position, text string) protocol.TextDocumentContentChangeEvent {
	return &protocol.TextDocumentContentChangePartial{Range: protocol.Range{Start: from, End: to}, Text: text}
}

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		changes        []protocol.TextDocumentContentChangeEvent
	}{
		{"none", "abc", "abc", nil},
		{"insert", "abc\n", "abXc\n", []protocol.TextDocumentContentChangeEvent{change(at(0, 2), at(0, 2), "X")}},
		{"one after the other", "abc\n", "X\nY", []protocol.TextDocumentContentChangeEvent{change(at(0, 0), at(0, 3), "X"), change(at(1, 0), at(1, 0), "Y")}},
		{"across lines", "a\nb\nc", "aXc", []protocol.TextDocumentContentChangeEvent{change(at(0, 1), at(2, 0), "X")}},
		{"the wrong way round", "abc", "aXc", []protocol.TextDocumentContentChangeEvent{change(at(0, 2), at(0, 1), "X")}},
		{"outside", "abc", "abcX", []protocol.TextDocumentContentChangeEvent{change(at(7, 7), at(9, 9), "X")}},
		{"whole", "abc", "X", []protocol.TextDocumentContentChangeEvent{&protocol.TextDocumentContentChangeWholeDocument{Text: "X"}}},
		{"behind two units", "𐐀b", "𐐀X", []protocol.TextDocumentContentChangeEvent{change(at(0, 2), at(0, 3), "X")}},
	} {
		if got := string(Apply([]byte(tt.in), UTF16, tt.changes)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestShift(t *testing.T) {
	was := "a\nb\nc\nd\ne\n"
	for _, tt := range []struct {
		is   string
		line int
		want int // 0: edited
	}{
		{was, 3, 3}, {"new\n" + was, 3, 4}, {was + "new\n", 3, 3}, {"a\nb\nc\nX\nY\nd\ne\n", 4, 6},
		{"a\nb\nX\nd\ne\n", 3, 0}, {"a\nb\nX\nd\ne\n", 4, 4}, {"a\ne\n", 5, 2}, {"a\ne\n", 3, 0}, {"", 1, 0},
	} {
		got, ok := NewShift([]byte(was), []byte(tt.is)).Line(tt.line)
		if got != tt.want || ok != (tt.want != 0) {
			t.Errorf("line %d in %q: %d %v, want %d", tt.line, tt.is, got, ok, tt.want)
		}
	}
}

// FuzzMapper: every position is one inside, there and back is the same place,
// and a change is one of text.
func FuzzMapper(f *testing.F) {
	f.Add([]byte(sample), uint32(2), uint32(12), 7)
	f.Add([]byte("\xff\r\r\n"), uint32(1), uint32(1), 2)
	f.Fuzz(func(t *testing.T, data []byte, line, character uint32, offset int) {
		for _, e := range []Encoding{UTF8, UTF16, UTF32} {
			m := NewMapper(data, e)
			at := m.Offset(protocol.Position{Line: line, Character: character})
			if at < 0 || at > len(data) {
				t.Fatalf("%s: offset %d of %d", e, at, len(data))
			}
			p := m.Position(offset)
			back := m.Offset(p)
			if m.Position(back) != p {
				t.Errorf("%s: %d → %v → %d → %v", e, offset, p, back, m.Position(back))
			}
			l, c := m.GoPosition(offset)
			if o := min(max(offset, 0), len(data)); utf8.Valid(data) && m.GoOffset(l, c) != o {
				t.Errorf("%d is %d:%d, which is %d", o, l, c, m.GoOffset(l, c))
			}
			got := Apply(data, e, []protocol.TextDocumentContentChangeEvent{&protocol.TextDocumentContentChangePartial{
				Range: protocol.Range{Start: protocol.Position{Line: line, Character: character}, End: p}, Text: "X",
			}})
			if bytes.Count(got, []byte("X")) < 1 {
				t.Error("a change is lost")
			}
		}
	})
}
