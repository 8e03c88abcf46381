package outliving

import (
	"context"
	"sync"
	"time"

	"github.com/anvilforge/anvil-lsp/hotreload"
)

func AnvilRegisterRoutes(r *hotreload.RouteSink) {
	go func() { // want `this goroutine has a loop that nothing ends`
		for {
			time.Sleep(time.Second)
		}
	}()
	go forever()                   // want `this goroutine has a loop that nothing ends`
	go until(context.Background()) // want `this goroutine has a loop that nothing ends`
	go until(r.Context())
	go once()
	go two[int, string]() // want `this goroutine has a loop that nothing ends`
	var group sync.WaitGroup
	group.Go(forever)                    // want `this goroutine has a loop that nothing ends`
	time.AfterFunc(time.Hour, func() {}) // want `nothing can stop this timer`
	stop := time.AfterFunc(time.Hour, func() {})
	defer stop.Stop()
}

func forever() {
	for {
		once()
	}
}

func two[A, B any]() {
	for {
		once()
	}
}

func until(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		default:
			once()
		}
	}
}

func once() {}
