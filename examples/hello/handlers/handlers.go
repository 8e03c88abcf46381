// Package handlers is the hot half of hello: edit it, save, and the running
// server has it.
package handlers

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload"

	"example.com/hello/visits"
)

// sinceReload starts again at zero with every save, as all variables of hot
// packages do. The visits.Counter, which main put into the Container, does not.
var sinceReload atomic.Int64

// AnvilRegisterRoutes registers the routes of one generation.
func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	r.Get("/", index(hotreload.MustLookup[*visits.Counter](r.Container())))
	r.Get("/time", now)
}

func index(total *visits.Counter) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "Hello! Visit %d, and %d since the last reload.\n", total.Add(), sinceReload.Add(1))
	}
}

func now(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, time.Now().Format(time.RFC1123))
}
