package console

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

// Manifest writes a manifest for a person. Paths are relative to dir.
func Manifest(w io.Writer, color bool, dir string, m *manifest.Manifest) error {
	m = foreign(m)
	s := paint.New(color)
	var b strings.Builder
	fmt.Fprintln(&b, spaced(s.Bold(fmt.Sprintf("generation %d", m.Generation)), m.Handlers, s.Dim(m.Toolchain)))
	section(&b, s, routeHead(), routeRows(s, dir, m.Routes))
	var rows [][]cell
	for _, st := range m.State {
		rows = append(rows, []cell{{text: st.Key, paint: s.Bold}, {text: st.Type}, {text: st.Fingerprint, paint: s.Dim}})
	}
	section(&b, s, []string{"STATE", "TYPE", "FINGERPRINT"}, rows)
	section(&b, s, []string{"REGISTERED"}, column(m.Registered))
	section(&b, s, []string{"HOT PACKAGE"}, column(m.Hot))
	rows = nil
	for _, p := range m.Host {
		rows = append(rows, []cell{{text: p.Path}, {text: p.Hash, paint: s.Dim}})
	}
	section(&b, s, []string{"HOST PACKAGE", "HASH"}, rows)
	_, err := io.WriteString(w, b.String())
	return err
}

// section writes a table below an empty line, if it has rows.
func section(b *strings.Builder, s paint.Style, head []string, rows [][]cell) {
	if len(rows) > 0 {
		b.WriteByte('\n')
		headed(b, s, head, rows)
	}
}

func column(items []string) (rows [][]cell) {
	for _, item := range items {
		rows = append(rows, []cell{{text: item}})
	}
	return rows
}

// Changes writes how one manifest differs from another, a line for each thing that was added (+),
// removed (-) or changed (~), below a line that says which generations were compared.
func Changes(w io.Writer, color bool, from, to int, c manifest.Changes) error {
	c = foreign(c)
	s := paint.New(color)
	if c.Empty() {
		_, err := fmt.Fprintf(w, "generation %d → %d: no difference\n", from, to)
		return err
	}
	text := func(v string) string { return v }
	var rows [][]cell
	if c.Toolchain != nil {
		rows = append(rows, changed(s, "toolchain", "", *c.Toolchain, text))
	}
	if c.ABI != nil {
		rows = append(rows, changed(s, "abi", "", *c.ABI, func(n int) string { return fmt.Sprint(n) }))
	}
	if c.Handlers != nil {
		rows = append(rows, changed(s, "handlers", "", *c.Handlers, text))
	}
	for _, r := range c.Routes {
		one := either(r)
		rows = append(rows, changed(s, "route", one.Method+" "+one.Pattern, r, routeTexts(r)))
	}
	for _, st := range c.State {
		rows = append(rows, changed(s, "state", either(st).Key, st, func(v manifest.State) string { return v.Type }))
	}
	for _, v := range c.Registered {
		rows = append(rows, changed(s, "registered", either(v), v, nil))
	}
	for _, v := range c.Hot {
		rows = append(rows, changed(s, "hot package", either(v), v, nil))
	}
	for _, p := range c.Host {
		rows = append(rows, changed(s, "host package", either(p).Path, p, nil))
	}
	for _, m := range c.Modules {
		rows = append(rows, changed(s, "module", either(m), m, nil))
	}
	if c.GODEBUG != nil {
		rows = append(rows, changed(s, "godebug", "", *c.GODEBUG, func(v string) string { return cmp.Or(v, "none") }))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "generation %d → %d\n\n", from, to)
	table(&b, "", rows)
	_, err := io.WriteString(w, b.String())
	return err
}

// either returns the new value, or the old one if there is no new one.
func either[T any](c manifest.Change[T]) T {
	if c.New != nil {
		return *c.New
	}
	return *c.Old
}

// changed returns the line of a change. Text is what is shown of a value; nil shows nothing.
func changed[T any](s paint.Style, what, name string, c manifest.Change[T], text func(T) string) []cell {
	sign, paint := "~", s.Yellow
	switch {
	case c.Old == nil:
		sign, paint = "+", s.Green
	case c.New == nil:
		sign, paint = "-", s.Red
	}
	row := []cell{{text: sign + " " + what, paint: paint}}
	if name != "" {
		row = append(row, cell{text: name, paint: s.Bold})
	}
	switch {
	case text == nil:
		if sign == "~" {
			row = append(row, cell{text: "changed"})
		}
	case sign != "~":
		row = append(row, cell{text: text(either(c)), paint: s.Dim})
	case text(*c.Old) == text(*c.New): // the same name for another structure
		row = append(row, cell{text: text(*c.New) + ", of another structure"})
	default:
		row = append(row, cell{text: text(*c.Old) + " → " + text(*c.New)})
	}
	return row
}

// routeTexts returns what to show of the two sides of a changed route: what differs, and the name
// only where it does.
func routeTexts(c manifest.Change[manifest.Route]) func(manifest.Route) string {
	switch {
	case c.Old == nil || c.New == nil:
		return func(r manifest.Route) string { return spaced(r.Handler, r.Signature) }
	case c.Old.Fingerprint == c.New.Fingerprint && c.Old.Handler != c.New.Handler:
		return func(r manifest.Route) string { return r.Handler }
	}
	return func(r manifest.Route) string { return r.Signature }
}
