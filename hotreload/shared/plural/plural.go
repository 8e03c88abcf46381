// Package plural counts things in messages.
package plural

import (
	"fmt"
	"strings"
)

// Of returns a number with its noun, such as "1 route" or "2 routes".
func Of(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "sh"):
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
