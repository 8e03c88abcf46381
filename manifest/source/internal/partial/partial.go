// Package partial is about texts of which only parts are known, such as the pattern of a route that
// begins with the value of an environment variable.
package partial

import (
	"slices"
	"strings"
)

// Text is what is known of a text: the pieces between what is not known. A single piece is the
// whole text; nothing is known if there are no pieces.
//
// In os.Getenv("BASE")+"/posts" it is "" and "/posts".
type Text []string

// Gap stands for what is not known where a partial is written as text.
const Gap = "…"

// Max is how long the pieces may be together: what is longer is not a pattern.
const Max = 1 << 10

// orGap returns the partial in pieces, of which there are two at least unless the whole text is
// known.
func (p Text) orGap() Text {
	if len(p) == 0 {
		return Text{"", ""}
	}
	return p
}

// Plus returns what is known of a text followed by another one.
func (p Text) Plus(q Text) Text {
	p, q = p.orGap(), q.orGap()
	size := 0
	for _, pieces := range []Text{p, q} {
		for _, piece := range pieces {
			size += len(piece)
		}
	}
	if size > Max {
		return nil
	}
	last := len(p) - 1
	sum := make(Text, 0, len(p)+len(q)-1)
	sum = append(append(sum, p[:last]...), p[last]+q[0])
	return append(sum, q[1:]...).compact()
}

// compact removes empty pieces in the middle: two adjacent gaps are one.
func (p Text) compact() Text {
	out := p[:0:0]
	for i, piece := range p {
		if piece != "" || i == 0 || i == len(p)-1 {
			out = append(out, piece)
		}
	}
	return out
}

// Either returns what is known of a text that is one of two: how both begin and how both end.
func (p Text) Either(q Text) Text {
	p, q = p.orGap(), q.orGap()
	a, b := p[0], q[0]
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	begin := a[:n]
	// What a whole text begins with is not counted as its end too.
	a, b = p[len(p)-1], q[len(q)-1]
	if len(p) == 1 {
		a = a[n:]
	}
	if len(q) == 1 {
		b = b[n:]
	}
	m := 0
	for m < min(len(a), len(b)) && a[len(a)-1-m] == b[len(b)-1-m] {
		m++
	}
	return Text{begin, a[len(a)-m:]}
}

// Fits reports whether a text may be the one that the partial is about.
func (p Text) Fits(text string) bool {
	if len(p) == 0 {
		return true
	}
	if len(p) == 1 {
		return p[0] == text
	}
	text, ok := strings.CutPrefix(text, p[0])
	if !ok {
		return false
	}
	last := len(p) - 1
	if text, ok = strings.CutSuffix(text, p[last]); !ok {
		return false
	}
	for _, piece := range p[1:last] {
		if _, text, ok = strings.Cut(text, piece); !ok {
			return false
		}
	}
	return true
}

// Trimmed returns what is known of the text without slashes at its end.
func (p Text) Trimmed() Text {
	if len(p) == 0 {
		return nil
	}
	p = slices.Clone(p)
	p[len(p)-1] = strings.TrimRight(p[len(p)-1], "/")
	return p
}

// Telling reports whether the partial says more than where slashes are.
func (p Text) Telling() bool {
	return strings.Trim(strings.Join(p, ""), "/") != ""
}

// String writes what is not known as an ellipsis.
func (p Text) String() string { return strings.Join(p.orGap(), Gap) }
