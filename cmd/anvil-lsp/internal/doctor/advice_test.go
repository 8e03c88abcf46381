package doctor

import (
	"slices"
	"strings"
	"testing"
)

// TestAdvise: what is proposed to be cut is what makes most packages hot.
func TestAdvise(t *testing.T) {
	const m = "example.com/shop"
	for _, tt := range []struct {
		name    string
		imports string // a line for each package: path imports...
		native  []string
		want    []string
	}{
		{"services in main", `
			shop handlers config db repos services mail
			handlers config repos services mail views
			views
			config
			db config
			models
			repos models db
			services repos models clock
			clock
			mail models`, nil, []string{
			"if shop did not import mail, repos and services, 7 of 10 packages would be hot instead of 2: construct",
		}},
		{"one import far below", `
			shop handlers config worker
			handlers views routes
			views models
			routes models
			models
			config
			worker mail
			mail routes`, nil, []string{
			"if shop did not import worker, 6 of 8 packages would be hot instead of 2",
			"cut the import mail → routes first: without it 4 of 8 packages would be hot",
		}},
		{"little to gain", `
			shop handlers config
			handlers config
			config`, nil, nil},
		{"native stays host", `
			shop handlers a b c
			handlers a b c
			a
			b
			c`, []string{"a", "b", "c"}, nil},
		{"many imports", "shop handlers " + strings.Join(numbered(30), " ") + "\nhandlers\n" + strings.Join(numbered(30), "\n"), nil, []string{
			"if shop did not import p00, p01, p02 and p03, 5 of 32 packages would be hot instead of 1",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &Boundary{Main: m, Module: m, Handlers: m + "/handlers", imports: map[string][]string{}}
			full := func(name string) string {
				if name == "shop" {
					return m
				}
				return m + "/" + name
			}
			for line := range strings.Lines(strings.TrimSpace(tt.imports)) {
				words := strings.Fields(line)
				b.imports[full(words[0])] = nil
				for _, w := range words[1:] {
					b.imports[full(words[0])] = append(b.imports[full(words[0])], full(w))
				}
				slices.Sort(b.imports[full(words[0])])
			}
			for _, n := range tt.native {
				b.Host = append(b.Host, HostPackage{Path: full(n), Native: full(n)})
			}
			got := b.advise()
			if len(got) != len(tt.want) {
				t.Fatalf("advice %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tt.want[i]) {
					t.Errorf("advice %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "p" + string(rune('0'+i/10)) + string(rune('0'+i%10))
	}
	return out
}
