package launch

import (
	"fmt"
	"strings"
	"testing"
)

func TestTailKeepsTheEnd(t *testing.T) {
	out := newTail()
	for i := range 100_000 {
		fmt.Fprintf(out, "line %d\n", i)
	}
	got := out.Tail()
	if len(got) != tailSize || !strings.HasSuffix(got, "line 99998\nline 99999\n") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-30:])
	}
	if cap(out.end) > 8*tailSize {
		t.Errorf("keeps %d bytes", cap(out.end))
	}
	if out.Crash() != "" {
		t.Errorf("crash %q", out.Crash())
	}
}

func TestTailKeepsTheStartOfACrash(t *testing.T) {
	report := "panic: boom\n\ngoroutine 1 [running]:\n" + strings.Repeat("goroutine 7 [select]:\n", 4_000)
	for name, before := range map[string]string{
		"at the start":       "",
		"after other output": strings.Repeat("log\n", 20_000),
		"after another one":  "fatal error: only a line in a log\nlog\n",
		"in the middle":      "a line with panic: in it\n",
	} {
		for _, size := range []int{3, 5, 1000, 1 << 20} {
			t.Run(fmt.Sprintf("%s in writes of %d", name, size), func(t *testing.T) {
				out := newTail()
				for rest := before + report; rest != ""; {
					n := min(size, len(rest))
					fmt.Fprint(out, rest[:n])
					rest = rest[n:]
				}
				if got := out.Crash(); got != report[:crashSize] {
					t.Errorf("%d bytes, starting with %.50q", len(got), got)
				}
			})
		}
	}
}
