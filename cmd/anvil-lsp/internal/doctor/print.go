package doctor

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/shared/visible"
)

// Print writes a report for a person. Paths of files are relative to dir.
func Print(w io.Writer, color bool, dir string, r *Report) error {
	r = visible.Of(r, "Detail", "Advice", "Message") // of others, most of it
	s := paint.New(color)
	var b strings.Builder
	width := 0
	for _, c := range r.Checks {
		width = max(width, len(c.Name))
	}
	indent := strings.Repeat(" ", width+6)
	for _, c := range r.Checks {
		mark := s.Green("✓")
		switch c.Status {
		case Failed:
			mark = s.Red("✗")
		case Warning:
			mark = s.Yellow("!")
		case Skipped:
			mark = s.Dim("–")
		}
		fmt.Fprintf(&b, "  %s %-*s  %s\n", mark, width, c.Name,
			strings.ReplaceAll(strings.TrimSpace(c.Detail), "\n", "\n"+indent))
		if c.Advice != "" {
			fmt.Fprintf(&b, "%s%s %s\n", indent, s.Yellow("→"), c.Advice)
		}
	}
	for _, d := range r.Problems {
		if rel, err := filepath.Rel(dir, d.File); err == nil && d.File != "" && len(rel) < len(d.File) {
			d.File = rel
		}
		fmt.Fprintf(&b, "\n  %s", d)
	}
	if len(r.Problems) > 0 {
		b.WriteByte('\n')
	}
	if r.Boundary != nil {
		r.Boundary.print(&b, s)
	}
	for i, h := range r.Hints {
		if i == 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "  %s %s\n", s.Yellow("hint:"), h)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Boundary) print(b *strings.Builder, s paint.Style) {
	fmt.Fprintf(b, "\n%s  an edit is swapped into the running program\n",
		s.Bold(fmt.Sprintf("Hot packages (%d)", len(p.Hot))))
	for _, path := range p.Hot {
		mark := ""
		if path == p.Handlers {
			mark = s.Dim("  the handlers package")
		}
		fmt.Fprintf(b, "  %s%s\n", p.short(path), mark)
	}
	if len(p.Hot) == 0 {
		b.WriteString("  none\n")
	}
	fmt.Fprintf(b, "\n%s  an edit restarts the program\n", s.Bold(fmt.Sprintf("Host packages (%d)", len(p.Host))))
	width := 0
	for _, h := range p.Host {
		width = max(width, utf8.RuneCountInString(p.short(h.Path)))
	}
	for _, h := range p.Host {
		fmt.Fprintf(b, "  %-*s  %s\n", width, p.short(h.Path), s.Dim(p.why(h)))
	}
}

// why says what makes a package a host package.
func (p *Boundary) why(h HostPackage) string {
	switch {
	case h.Path == p.Main:
		return "the program itself"
	case h.Native == h.Path:
		return "uses cgo, assembly or linkname"
	case h.Native != "":
		return "imported by " + p.short(h.Native) + ", which uses cgo, assembly or linkname"
	}
	if len(h.Chain) == 0 {
		return "outside of the workspace, by a replace directive; `go work use` of its module makes it hot"
	}
	names := make([]string, len(h.Chain))
	for i, path := range h.Chain {
		names[i] = p.short(path)
	}
	return strings.Join(names, " → ")
}
