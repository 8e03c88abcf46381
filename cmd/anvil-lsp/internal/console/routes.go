package console

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/anvilforge/anvil-lsp/cmd/anvil-lsp/internal/paint"
	"github.com/anvilforge/anvil-lsp/hotreload/control"
	"github.com/anvilforge/anvil-lsp/hotreload/manifest"
)

const (
	maxRoutes  = 20
	maxChanges = 5
)

// routeTable writes the live routes; those that a browser can open are links.
func (c *Console) routeTable(b *strings.Builder, url string) {
	base := strings.TrimSuffix(url, "/")
	var rows [][]cell
	for _, r := range c.routes[:min(maxRoutes, len(c.routes))] {
		where := cell{text: r.Pattern}
		if clickable(r) {
			where.paint = func(text string) string { return c.style.To(base+r.Pattern, text) }
		}
		rows = append(rows, []cell{{text: r.Method, paint: c.style.Bold}, where, {text: r.Handler, paint: c.style.Dim}})
	}
	table(b, "  ", rows)
	if n := len(c.routes) - maxRoutes; n > 0 {
		fmt.Fprintf(b, "  and %d more: %s\n", n, cmp.Or(c.o.RoutesCommand, "anvil-lsp routes"))
	}
	if len(c.routes) == 0 {
		b.WriteString("  no routes are registered\n")
	}
}

// clickable reports whether a browser can open a route as it is.
func clickable(r manifest.Route) bool {
	return (r.Method == "GET" || r.Method == "*") && strings.HasPrefix(r.Pattern, "/") &&
		!strings.ContainsAny(r.Pattern, "{*")
}

// routeChanges writes which routes came and went.
func (c *Console) routeChanges(b *strings.Builder, ev control.Event) {
	if ev.Routes == nil || c.o.Brief {
		return
	}
	var changes []string
	for _, r := range missing(ev.Routes, c.routes) {
		changes = append(changes, c.style.Green("+ "+r.Method+" "+r.Pattern))
	}
	for _, r := range missing(c.routes, ev.Routes) {
		changes = append(changes, c.style.Red("- "+r.Method+" "+r.Pattern))
	}
	c.routes = ev.Routes
	if len(changes) > 0 {
		fmt.Fprintf(b, "%sroutes  %s\n", margin, few(changes, maxChanges))
	}
}

// missing returns the routes of some that others lack.
func missing(some, others []manifest.Route) []manifest.Route {
	return slices.DeleteFunc(slices.Clone(some), func(r manifest.Route) bool {
		return slices.ContainsFunc(others, func(o manifest.Route) bool { return o.Key() == r.Key() })
	})
}

func routeHead() []string {
	return []string{"METHOD", "PATTERN", "HANDLER", "SIGNATURE", "REGISTERED AT"}
}

// RoutesOptions say how Routes shows a table.
type RoutesOptions struct {
	Color bool
	// Dir is the directory that paths are shown relative to.
	Dir string
	// Width is how many columns a row may take; what does not fit is left out, the least important
	// first. 0 means all of them.
	Width int
}

// Routes writes a table of all routes of a generation, for reading and for grep. If stats is not
// nil the table says what was asked for so far.
func Routes(w io.Writer, o RoutesOptions, generation int, routes []manifest.Route, stats []control.RouteStats) error {
	routes, stats = foreign(routes), foreign(stats)
	s := paint.New(o.Color)
	head := append(routeHead(), "GENERATION")
	if stats != nil {
		head = append(head, statsHead()...)
	}
	rows := routeRows(s, o.Dir, routes)
	for i, r := range routes {
		rows[i] = append(rows[i], cell{text: strconv.Itoa(generation), paint: s.Dim})
		if stats != nil {
			rows[i] = append(rows[i], statsCells(s, r, stats)...)
		}
	}
	if o.Width > 0 {
		head, rows = narrow(head, rows, o.Width)
	}
	var b strings.Builder
	headed(&b, s, head, rows)
	_, err := io.WriteString(w, b.String())
	return err
}

// narrow leaves columns out until a table fits, and at last cuts the longest fields that are left.
func narrow(head []string, rows [][]cell, width int) ([]string, [][]cell) {
	for _, name := range []string{"SIGNATURE", "GENERATION", "OPEN", "LAST", "P50", "HANDLER", "ERRORS", "REQUESTS"} {
		if i := slices.Index(head, name); i >= 0 && (tableWidth(head, rows) > width || name == "SIGNATURE") {
			head = slices.Delete(slices.Clone(head), i, i+1)
			for k := range rows {
				rows[k] = slices.Delete(rows[k], i, i+1)
			}
		}
	}
	over := tableWidth(head, rows) - width
	if pattern := slices.Index(head, "PATTERN"); over > 0 && pattern >= 0 {
		most := 8
		for _, row := range rows {
			most = max(most, utf8.RuneCountInString(row[pattern].text)-over)
		}
		for _, row := range rows {
			row[pattern].text = clip(row[pattern].text, most+1)
		}
	}
	return head, rows
}

// tableWidth is how many columns a table takes.
func tableWidth(head []string, rows [][]cell) int {
	total := 2 * (len(head) - 1)
	for i, name := range head {
		widest := utf8.RuneCountInString(name)
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[i].text))
		}
		total += widest
	}
	return total
}

func statsHead() []string { return []string{"REQUESTS", "ERRORS", "OPEN", "P50", "LAST"} }

// statsCells says what is counted of a route, with dashes for what is unknown.
func statsCells(s paint.Style, r manifest.Route, stats []control.RouteStats) []cell {
	i := slices.IndexFunc(stats, func(c control.RouteStats) bool { return c.Key() == r.Key() })
	if i < 0 { // it went live between the two answers
		return []cell{{text: "-"}, {text: "-"}, {text: "-"}, {text: "-"}, {text: "-"}}
	}
	c := stats[i]
	failed := cell{text: strconv.FormatInt(c.Errors, 10)}
	if c.Errors > 0 {
		failed.paint = s.Red
	}
	p50, last := "-", "-"
	if c.P50 > 0 {
		p50 = c.P50.Fine()
	}
	if c.LastStatus > 0 {
		last = strconv.Itoa(c.LastStatus)
	}
	return []cell{{text: strconv.FormatInt(c.Requests, 10)}, failed, {text: strconv.Itoa(c.InFlight)}, {text: p50},
		{text: last}}
}

func routeRows(s paint.Style, dir string, routes []manifest.Route) [][]cell {
	var rows [][]cell
	for _, r := range routes {
		rows = append(rows, []cell{{text: r.Method, paint: s.Bold}, {text: r.Pattern}, {text: r.Handler},
			{text: r.Signature, paint: s.Dim}, {text: FormatPosition(dir, r.Position)}})
	}
	return rows
}

// headed writes a table with a first row that names the columns.
func headed(b *strings.Builder, s paint.Style, head []string, rows [][]cell) {
	first := make([]cell, len(head))
	for i, name := range head {
		first[i] = cell{text: name, paint: s.Dim}
	}
	table(b, "", append([][]cell{first}, rows...))
}

// cell is one field of a table.
type cell struct {
	text  string
	paint func(string) string // nil: as it is
}

// table writes rows with aligned columns. (text/tabwriter would count the escape sequences of
// colours.)
func table(b *strings.Builder, indent string, rows [][]cell) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		b.WriteString(indent)
		for i, c := range row {
			text := c.text
			if c.paint != nil {
				text = c.paint(text)
			}
			b.WriteString(text)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		b.WriteByte('\n')
	}
}
