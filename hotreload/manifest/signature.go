package manifest

import (
	"regexp"
	"strings"

	"github.com/anvilforge/anvil-lsp/hotreload/manifest/shape"
)

// Handling is what a route's handler is: its name, signature and shape.
type Handling struct{ Handler, Signature, Shape string }

// Handling returns what the route's handler is.
func (r Route) Handling() Handling { return Handling{r.Handler, r.Signature, r.Shape} }

// SignatureChanged is the finding that the handler of a live route has another
// signature (ANV001). The message says what is new about it in few words; what it
// was and is stands in the related information. otherwise says why shapes differ
// whose types do not.
func SignatureChanged(at Position, slot Slot, was, is Handling, otherwise string) Diagnostic {
	changed := "signature of " + slot.String() + " changed"
	var wordings []string
	add := func(what string) {
		if what != "" {
			wordings = append(wordings, changed+" ("+what+")")
		}
	}
	all, brief := shape.Differences(was.Shape, is.Shape)
	long := is.Handler
	switch {
	case was.Signature != is.Signature:
		long += " was " + was.Signature + " and is " + is.Signature
	case all == "":
		long += ": " + otherwise
	default:
		long += ": " + all
	}
	for _, b := range brief {
		add(b)
	}
	switch {
	case was.Signature != is.Signature:
		add("now " + is.Signature)
		add("now " + shortSignature(is.Signature))
	case all == "":
		add(otherwise)
	}
	d := Diagnose(CodeSignature, at, "%s", Fit(append(wordings, changed)...))
	d.Related = []Related{{Position: at, Message: long}}
	return d
}

// shortSignature returns a signature without the names of packages, and with the
// parameters of an http.HandlerFunc as they are usually called.
func shortSignature(signature string) string {
	signature = strings.ReplaceAll(signature, "http.ResponseWriter, *http.Request", "w, r")
	return regexp.MustCompile(`\b\w+\.`).ReplaceAllString(signature, "")
}
