package text

import "bytes"

// Shift says where lines of a text are after it was edited. It knows one
// region that changed; what stands before it stays, what stands behind it moves.
type Shift struct {
	before, after int // lines that are equal at the beginning, and at the end
	was, is       int // number of lines
}

// NewShift compares two versions of a text.
func NewShift(was, is []byte) Shift {
	if bytes.Equal(was, is) {
		n := bytes.Count(was, []byte{'\n'}) + 1
		return Shift{before: n, was: n, is: n}
	}
	x, y := bytes.SplitAfter(was, []byte{'\n'}), bytes.SplitAfter(is, []byte{'\n'})
	s := Shift{was: len(x), is: len(y)}
	for s.before < min(len(x), len(y)) && bytes.Equal(x[s.before], y[s.before]) {
		s.before++
	}
	for s.after < min(len(x), len(y))-s.before && bytes.Equal(x[len(x)-1-s.after], y[len(y)-1-s.after]) {
		s.after++
	}
	return s
}

// Line returns where a line, counted from 1, is now. It reports false if the
// line was edited or is gone.
func (s Shift) Line(line int) (int, bool) {
	switch {
	case line <= s.before:
		return line, true
	case line > s.was-s.after:
		return line + s.is - s.was, true
	}
	return 0, false
}
