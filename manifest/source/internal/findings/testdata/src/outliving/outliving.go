package outliving

import (
	"context"
	"log"
	"runtime"
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
	go ends(log.Default())
	go func() { // want `this goroutine has a loop that nothing ends`
		for hotreload.IsHotMode() {
			once()
		}
	}()
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

func ends(l *log.Logger) {
	for {
		log.Panic("over")
	}
	for {
		l.Fatalln("over")
	}
	for {
		l.Panicf("over")
	}
	for {
		runtime.Goexit()
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
