package hotreload_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

// firstGeneration keeps a cart that counts euros.
func firstGeneration(r *hotreload.RouteSink) {
	type cart struct {
		Owner string
		Euros float64
	}
	hotreload.StateOf(r.Container(), "cart", func() cart { return cart{"Ada", 9.5} })
}

// secondGeneration is the same code after an edit: the cart counts cents.
func secondGeneration(r *hotreload.RouteSink) {
	type cart struct {
		Owner string
		Cents int
	}
	current := hotreload.StateOf(r.Container(), "cart", func() cart { return cart{} },
		hotreload.WithMigration(func(old hotreload.OldValue) cart {
			now := hotreload.OldAs[cart](old) // fields of the same name, as without WithMigration
			if euros := old.Field("Euros"); euros.Exists() {
				now.Cents = int(100 * hotreload.OldAs[float64](euros))
			}
			return now
		}))
	r.Get("/", func(c *hotreload.Ctx) error { return c.Text(http.StatusOK, fmt.Sprintf("%+v", current.Get())) })
}

func ExampleWithMigration() {
	state := hotreload.NewLiveState(nil)
	for _, register := range []func(*hotreload.RouteSink){firstGeneration, secondGeneration} {
		if err := state.Register(register); err != nil {
			fmt.Println(err)
			return
		}
	}
	w := httptest.NewRecorder()
	state.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	fmt.Println(w.Body)
	// Output: {Owner:Ada Cents:950}
}
