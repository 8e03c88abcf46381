package shape

import (
	"strconv"
	"strings"
)

// skeleton is the text of a type with gaps for hot types: the text before the
// first gap, the text after it, and so on. A gap holds the index of a type.
type skeleton struct {
	text []string // one more than gaps
	gaps []int
}

// assemble fills the gaps of root from parts. Of types with the same structure
// only the first is written, so that the text is never larger than the
// declarations, however often a type is used; the others refer to it.
//
// The same structure have types that cannot be told apart by following them
// down for as long as one likes: this is what makes a shape independent of
// names, also of those in a cycle.
func assemble(root skeleton, parts []skeleton) string {
	a := assembly{parts: parts, class: structures(parts), number: map[int]int{}}
	a.write(root)
	return a.b.String()
}

type assembly struct {
	b      strings.Builder
	parts  []skeleton
	class  []int       // of each part
	number map[int]int // of each class that was written, counted from 1
}

func (a *assembly) write(s skeleton) {
	for i, gap := range s.gaps {
		a.b.WriteString(s.text[i])
		class := a.class[gap]
		if number, ok := a.number[class]; ok {
			a.b.WriteString("^" + strconv.Itoa(number))
			continue
		}
		a.number[class] = len(a.number) + 1
		a.write(a.parts[gap])
	}
	a.b.WriteString(s.text[len(s.gaps)])
}

// structures puts skeletons of the same structure into the same class. It
// starts with what can be seen at the top of each, and tells apart what refers
// to different classes until there is nothing more to tell apart (Moore's
// minimization of an automaton).
func structures(parts []skeleton) []int {
	tops, count := classify(parts, func(s skeleton, key []byte) []byte {
		for _, text := range s.text {
			key = append(strconv.AppendInt(key, int64(len(text)), 10), ' ')
			key = append(key, text...)
		}
		return key
	})
	class := tops
	for {
		i := 0
		finer, n := classify(parts, func(s skeleton, key []byte) []byte {
			key = strconv.AppendInt(key, int64(tops[i]), 10)
			for _, gap := range s.gaps {
				key = strconv.AppendInt(append(key, ' '), int64(class[gap]), 10)
			}
			i++
			return key
		})
		if n == count {
			return finer
		}
		class, count = finer, n
	}
}

// classify numbers the skeletons so that those with equal keys have the same
// number, and returns how many there are.
func classify(parts []skeleton, appendKey func(skeleton, []byte) []byte) (class []int, count int) {
	class = make([]int, len(parts))
	known := make(map[string]int, len(parts))
	var key []byte
	for i, s := range parts {
		key = appendKey(s, key[:0])
		c, ok := known[string(key)]
		if !ok {
			c = len(known)
			known[string(key)] = c
		}
		class[i] = c
	}
	return class, len(known)
}
