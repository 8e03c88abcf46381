package source

import "strings"

// similar reports whether two names differ by case or by a slip of the keyboard or two.
func similar(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	return len(a) > 6 && len(b) > 6 && distance(a, b) <= 3
}

// distance returns how many letters must be inserted, removed or replaced to make b from a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
