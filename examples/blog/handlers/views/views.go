// Package views renders the pages. Templates, style sheet and script are
// embedded, so saving one of them makes a new generation, as saving Go does.
package views

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"example.com/blog/handlers/internal/markup"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static
var static embed.FS

// Static serves the embedded files under /static/.
func Static() http.Handler { return http.FileServerFS(static) }

// Page is what every template gets.
type Page struct {
	Title      string
	User       string // who is logged in, or ""
	Flash      string // shown once, after a redirect
	Generation int
	PID        int
	Data       any // of the page itself
}

// Pages are the parsed templates by name: "home" is templates/home.html inside
// templates/layout.html.
type Pages map[string]*template.Template

// Parse reads the templates.
func Parse() (Pages, error) {
	layout, err := template.New("layout.html").Option("missingkey=error").Funcs(funcs).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := Pages{}
	for _, file := range files {
		page, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if page, err = page.ParseFS(templates, file); err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(file), ".html")] = page
	}
	return pages, nil
}

// Render writes a page. Nothing is written if the template fails.
func (p Pages) Render(w http.ResponseWriter, status int, name string, page Page) error {
	t, ok := p[name]
	if !ok {
		return fmt.Errorf("there is no template %q", name)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // an error here means that the client is gone
	return nil
}

var funcs = template.FuncMap{
	"html": markup.HTML,
	"lead": markup.Lead,
	"date": func(t time.Time) string { return t.Format("2 January 2006") },
	"iso":  func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"initial": func(name string) string {
		for _, r := range name {
			return strings.ToUpper(string(r))
		}
		return "?"
	},
	"hue": func(name string) uint32 { // the colour of a name, in degrees
		h := fnv.New32a()
		h.Write([]byte(name))
		return h.Sum32() % 360
	},
	"plural": func(n int, one, many string) string {
		if n == 1 {
			return "1 " + one
		}
		return fmt.Sprintf("%d %s", n, many)
	},
}
