package onetime

import (
	"encoding/gob"
	"flag"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

var debug = flag.Bool("debug", false, "more output") // want `panics on reload: flag.Bool\("debug"\) can run only once`

type page struct{ Title string }

func init() {
	gob.Register(page{}) // want `what one generation encodes the next does not decode`
	declare()
	if *debug {
		flag.Int("never certain", 0, "")
	}
}

// declare is reached from init.
func declare() {
	flag.Int("declared", 0, "") // want `panics on reload: flag.Int\("declared"\) can run only once`
}

// unused is reached from nowhere.
func unused() { flag.Int("unused", 0, "") }

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	hotreload.Provide(r.Container(), debug) // want `panics on reload: hotreload.Provide can run only once`
	if hotreload.IsHotMode() {
		r.Group("/v1", func(r *hotreload.RouteSink) {
			flag.Int("group", 0, "") // want `flag.Int\("group"\) can run only once`
		})
	}
	if err := open(); err != nil {
		return
	}
	flag.Int("after", 0, "") // want `flag.Int\("after"\) can run only once`
	for range size() {
		return
	}
	flag.Int("perhaps", 0, "")
}

func open() error { return nil }
func size() int   { return 0 }
