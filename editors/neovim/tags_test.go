package neovim_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestHelpTags: doc/tags, without which :help anvil finds nothing, is what
// :helptags makes of the help. Plugin managers make it for the directory of a
// plugin, which this one is below of.
func TestHelpTags(t *testing.T) {
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)(?:^|[ \t])\*([^*\s|]+)\*(?:$|[ \t])`).FindAllStringSubmatch(strings.ReplaceAll(read(t, "doc/anvil.txt"), "* *", "*  *"), -1) {
		lines = append(lines, fmt.Sprintf("%s\tanvil.txt\t/*%s*\n", m[1], m[1]))
	}
	slices.Sort(lines)
	want := strings.Join(lines, "")
	if got := read(t, "doc/tags"); got != want {
		t.Errorf("doc/tags is old (nvim -c 'helptags doc' -c q makes it anew): got\n%swant\n%s", got, want)
	}
}
