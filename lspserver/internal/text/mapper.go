// Package text maps between the ways to name a place in a document: the
// offset in bytes, the line and column of the Go toolchain (from 1, in bytes),
// and the line and character of the editor (from 0, in the units that were
// agreed on). Every position of the language server goes through a [Mapper].
//
// No position is refused. What lies outside is moved to the nearest place
// inside, as editors do, and what lies within a character to its beginning.
package text

import (
	"bytes"
	"slices"
	"sort"
	"unicode/utf8"

	"go.lsp.dev/protocol"
)

// Encoding is the unit that characters of a line are counted in.
type Encoding = protocol.PositionEncodingKind

// Encodings in order of preference: without conversion, the default of the
// protocol, and the rest.
const (
	UTF8  = protocol.PositionEncodingKindUTF8
	UTF16 = protocol.PositionEncodingKindUTF16
	UTF32 = protocol.PositionEncodingKindUTF32
)

// Mapper maps places in one text. It does not change, and is safe for
// concurrent use.
type Mapper struct {
	text     []byte
	encoding Encoding
	lines    []int // where the editor's lines start; they end with \n, \r\n or \r
	goLines  []int // where the toolchain's lines start; they end with \n
}

// NewMapper returns the Mapper of a text, which must not be changed.
func NewMapper(text []byte, e Encoding) *Mapper {
	m := &Mapper{text: text, encoding: e, goLines: make([]int, 1, 1+bytes.Count(text, []byte{'\n'}))}
	single := false // a \r on its own ends a line
	for i, c := range text {
		switch {
		case c == '\n':
			m.goLines = append(m.goLines, i+1)
		case c == '\r' && (i+1 == len(text) || text[i+1] != '\n'):
			single = true
		}
	}
	m.lines = m.goLines
	if single {
		m.lines = []int{0}
		for i, c := range text {
			if c == '\n' || c == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
				m.lines = append(m.lines, i+1)
			}
		}
	}
	return m
}

// Text returns the text.
func (m *Mapper) Text() []byte { return m.text }

// Offset returns the offset of an editor's position.
func (m *Mapper) Offset(p protocol.Position) int {
	if uint64(p.Line) >= uint64(len(m.lines)) {
		return len(m.text)
	}
	start := m.lines[p.Line]
	end := m.lineEnd(int(p.Line))
	units, at := int64(p.Character), start
	for at < end {
		r, size := utf8.DecodeRune(m.text[at:end])
		n := m.units(r, size)
		if units < n {
			break
		}
		units -= n
		at += size
	}
	return at
}

// Position returns the editor's position of an offset.
func (m *Mapper) Position(offset int) protocol.Position {
	offset = min(max(offset, 0), len(m.text))
	line := sort.SearchInts(m.lines, offset+1) - 1
	end := min(offset, m.lineEnd(line))
	var units int64
	for at := m.lines[line]; at < end; {
		r, size := utf8.DecodeRune(m.text[at:])
		if at+size > end { // in the middle of a character
			break
		}
		units += m.units(r, size)
		at += size
	}
	return protocol.Position{Line: uint32(line), Character: uint32(units)}
}

// GoOffset returns the offset of a line and column of the toolchain. A column
// of 0 is the first character of the line that is no white space.
func (m *Mapper) GoOffset(line, column int) int {
	if line < 1 {
		return 0
	}
	if line > len(m.goLines) {
		return len(m.text)
	}
	start := m.goLines[line-1]
	end := len(m.text)
	if line < len(m.goLines) {
		end = m.goLines[line] - 1
	}
	if column == 0 {
		for start < end && (m.text[start] == ' ' || m.text[start] == '\t') {
			start++
		}
		return start
	}
	return min(start+column-1, end)
}

// GoPosition returns the line and column of an offset.
func (m *Mapper) GoPosition(offset int) (line, column int) {
	offset = min(max(offset, 0), len(m.text))
	line = sort.SearchInts(m.goLines, offset+1)
	return line, offset - m.goLines[line-1] + 1
}

// FromGo returns the editor's position of a line and column of the toolchain.
func (m *Mapper) FromGo(line, column int) protocol.Position {
	return m.Position(m.GoOffset(line, column))
}

// Range returns the editor's range from one offset to another.
func (m *Mapper) Range(from, to int) protocol.Range {
	return protocol.Range{Start: m.Position(from), End: m.Position(max(from, to))}
}

// LineEnd returns the offset of the end of the line that an offset is on, white
// space at its end left out.
func (m *Mapper) LineEnd(offset int) int {
	offset = min(max(offset, 0), len(m.text))
	line := sort.SearchInts(m.lines, offset+1) - 1
	end := m.lineEnd(line)
	for end > offset && (m.text[end-1] == ' ' || m.text[end-1] == '\t') {
		end--
	}
	return end
}

// lineEnd returns where a line ends, without what ends it.
func (m *Mapper) lineEnd(line int) int {
	end := len(m.text)
	if line+1 < len(m.lines) {
		end = m.lines[line+1]
	}
	for start := m.lines[line]; end > start && (m.text[end-1] == '\n' || m.text[end-1] == '\r'); {
		end--
	}
	return end
}

// units returns how many units a character has. One that is no UTF-8 counts as
// one, in every encoding but UTF-8 itself, as U+FFFD would.
func (m *Mapper) units(r rune, size int) int64 {
	switch {
	case m.encoding == UTF8:
		return int64(size)
	case m.encoding != UTF32 && r > 0xFFFF:
		return 2
	}
	return 1
}

// Apply returns the text with changes made one after the other.
func Apply(text []byte, e Encoding, changes []protocol.TextDocumentContentChangeEvent) []byte {
	for _, c := range changes {
		switch c := c.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text = []byte(c.Text)
		case *protocol.TextDocumentContentChangePartial:
			m := NewMapper(text, e)
			from, to := m.Offset(c.Range.Start), m.Offset(c.Range.End)
			if from > to {
				from, to = to, from
			}
			text = slices.Concat(text[:from], []byte(c.Text), text[to:])
		}
	}
	return text
}
