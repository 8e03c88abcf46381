// Command hello is the smallest application whose handlers can be replaced
// while it runs.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/anvilforge/anvil-lsp/hotreload"

	"example.com/hello/handlers"
	"example.com/hello/visits"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	c := hotreload.NewContainer()
	hotreload.Provide(c, new(visits.Counter))

	err := hotreload.LiveServer(ctx, hotreload.Options{
		Addr:      os.Getenv("HELLO_ADDR"), // empty: 127.0.0.1:8080
		Container: c,
		Register:  handlers.AnvilRegisterRoutes,
	})
	if err != nil {
		log.Fatal(err)
	}
}
