package rewrite

import "bytes"

// Edit says that the bytes from From to To become Text.
type Edit struct {
	From, To int
	Text     string
}

// maxTable bounds the work for one comparison.
const maxTable = 1 << 22

// Diff returns the edits, by whole lines, that make one text of another, in
// order. They leave alone what is equal, so that an editor keeps its cursor and
// its folds there.
func Diff(old, now []byte) []Edit {
	x, y := bytes.SplitAfter(old, []byte{'\n'}), bytes.SplitAfter(now, []byte{'\n'})
	same := 0
	at := 0
	for same < min(len(x), len(y)) && bytes.Equal(x[same], y[same]) {
		at += len(x[same])
		same++
	}
	x, y = x[same:], y[same:]
	for len(x) > 0 && len(y) > 0 && bytes.Equal(x[len(x)-1], y[len(y)-1]) {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x)*len(y) > maxTable {
		return []Edit{{at, at + size(x), string(bytes.Join(y, nil))}}
	}
	// common[i][j] is the length of the longest common sequence of x[i:] and y[j:].
	common := make([][]int32, len(x)+1)
	for i := range common {
		common[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if bytes.Equal(x[i], y[j]) {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []Edit
	for i, j := 0, 0; i < len(x) || j < len(y); {
		if i < len(x) && j < len(y) && bytes.Equal(x[i], y[j]) {
			at += len(x[i])
			i, j = i+1, j+1
			continue
		}
		e := Edit{From: at, To: at}
		for i < len(x) || j < len(y) {
			if i < len(x) && j < len(y) && bytes.Equal(x[i], y[j]) {
				break
			}
			if i < len(x) && (j == len(y) || common[i+1][j] >= common[i][j+1]) {
				e.To += len(x[i])
				i++
			} else {
				e.Text += string(y[j])
				j++
			}
		}
		at = e.To
		out = append(out, e)
	}
	return out
}

func size(lines [][]byte) int {
	n := 0
	for _, l := range lines {
		n += len(l)
	}
	return n
}
