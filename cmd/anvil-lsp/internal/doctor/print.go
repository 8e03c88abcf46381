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

func (b *Boundary) print(out *strings.Builder, s paint.Style) {
	fmt.Fprintf(out, "\n%s  an edit is swapped into the running program\n",
		s.Bold(fmt.Sprintf("Hot packages (%d)", len(b.Hot))))
	for _, path := range b.Hot {
		mark := ""
		if path == b.Handlers {
			mark = s.Dim("  the handlers package")
		}
		fmt.Fprintf(out, "  %s%s\n", b.short(path), mark)
	}
	if len(b.Hot) == 0 {
		out.WriteString("  none\n")
	}
	fmt.Fprintf(out, "\n%s  an edit restarts the program\n", s.Bold(fmt.Sprintf("Host packages (%d)", len(b.Host))))
	width := 0
	for _, h := range b.Host {
		width = max(width, utf8.RuneCountInString(b.short(h.Path)))
	}
	for _, h := range b.Host {
		fmt.Fprintf(out, "  %-*s  %s\n", width, b.short(h.Path), s.Dim(b.why(h)))
	}
}

// why says what makes a package a host package.
func (b *Boundary) why(h HostPackage) string {
	switch {
	case h.Path == b.Main:
		return "the program itself"
	case h.Native == h.Path:
		return "uses cgo, assembly or linkname"
	case h.Native != "":
		return "imported by " + b.short(h.Native) + ", which uses cgo, assembly or linkname"
	}
	if len(h.Chain) == 0 {
		return "outside of the workspace, by a replace directive; `go work use` of its module makes it hot"
	}
	names := make([]string, len(h.Chain))
	for i, path := range h.Chain {
		names[i] = b.short(path)
	}
	return strings.Join(names, " → ")
}
