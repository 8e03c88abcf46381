package console

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

const (
	maxDiagnostics = 10
	maxFrames      = 4
)

// relative returns a path as the user would type it: relative to dir if that is shorter.
func relative(dir, file string) string {
	if dir == "" || !filepath.IsAbs(file) {
		return file
	}
	rel, err := filepath.Rel(dir, file)
	if err != nil || len(rel) >= len(file) {
		return file
	}
	return rel
}

func (c *Console) position(p manifest.Position) string { return FormatPosition(c.o.Dir, p) }

// briefly writes a line for each diagnostic.
func (c *Console) briefly(b *strings.Builder, ds []manifest.Diagnostic) {
	for i, d := range ds {
		if i == maxDiagnostics {
			fmt.Fprintf(b, "%sand %d more\n", margin, len(ds)-i)
			return
		}
		fmt.Fprintf(b, "%s%s  ", margin, c.severity(d.Severity)(string(d.Code)))
		if d.File != "" {
			fmt.Fprintf(b, "%s: ", c.position(d.Position))
		}
		fmt.Fprintf(b, "%s\n", indentFollowing(d.Message))
	}
}

// fully writes diagnostics with their source lines.
func (c *Console) fully(b *strings.Builder, ds []manifest.Diagnostic) {
	for i, d := range ds {
		if i == maxDiagnostics {
			fmt.Fprintf(b, "\n  and %d more\n", len(ds)-i)
			break
		}
		b.WriteByte('\n')
		c.diagnostic(b, d)
	}
	if len(ds) > 0 {
		b.WriteByte('\n')
	}
}

func (c *Console) diagnostic(b *strings.Builder, d manifest.Diagnostic) {
	b.WriteString("  ")
	if d.File != "" {
		b.WriteString(c.style.Bold(c.position(d.Position) + ":"))
		b.WriteByte(' ')
	}
	if d.Severity != manifest.SeverityError {
		b.WriteString(c.severity(d.Severity)(string(d.Severity) + ":"))
		b.WriteByte(' ')
	}
	text, rest, _ := strings.Cut(strings.TrimSpace(d.Message), "\n")
	fmt.Fprintf(b, "%s %s\n", text, c.severity(d.Severity)("["+string(d.Code)+"]"))
	if rest != "" { // the compiler's "have (...) want (...)"
		fmt.Fprintf(b, "      %s\n", strings.ReplaceAll(strings.TrimSpace(expandTabs(rest)), "\n", "\n  "))
	}
	c.source(b, d.Position)
	for _, r := range d.Related {
		fmt.Fprintf(b, "      %s %s\n", c.style.Bold(c.position(r.Position)+":"), indentFollowing(r.Message))
	}
	if d.Code != manifest.CodeLiveServer { // its detail is what the live server printed: already seen
		c.stack(b, d)
	}
}

// source writes the line of a position with a caret under the column.
func (c *Console) source(b *strings.Builder, p manifest.Position) {
	text, caret, ok := c.sourceLine(p)
	if !ok {
		return
	}
	number := fmt.Sprintf("%7d", p.Line)
	fmt.Fprintf(b, "%s %s %s\n", c.style.Dim(number), c.style.Dim("|"), text)
	if caret >= 0 {
		fmt.Fprintf(b, "%7s %s %s%s\n", "", c.style.Dim("|"), strings.Repeat(" ", caret), c.style.Red("^"))
	}
}

// stack writes the top of the stack that a diagnostic holds.
func (c *Console) stack(b *strings.Builder, d manifest.Diagnostic) {
	for _, f := range stackTop(d.Frames, d.Position, maxFrames) {
		fmt.Fprintf(b, "      %s\n", c.style.Dim(f.Name()+"  "+c.position(f.Position)))
	}
}

func (c *Console) severity(s manifest.Severity) func(string) string {
	switch s {
	case manifest.SeverityError:
		return c.style.Red
	case manifest.SeverityWarning:
		return c.style.Yellow
	}
	return c.style.Link
}
