//go:build anvilhot

package hotreload

import (
	_ "embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed hot_page.html
var pageText string

var page = template.Must(template.New("error").Parse(pageText))

// answer writes what went wrong in the form that the client reads best.
func (d *development) answer(w http.ResponseWriter, r *http.Request, f fault) {
	switch preferred(r) {
	case "html":
		var b strings.Builder
		if err := page.Execute(&b, f); err != nil {
			writeText(w, f)
			return
		}
		writeAnswer(w, f.Status, "text/html; charset=utf-8", []byte(b.String()))
	case "json":
		writeProblem(w, f)
	default:
		writeText(w, f)
	}
}
