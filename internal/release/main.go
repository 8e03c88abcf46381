// Command release makes the two tags of a release in the git checkout that it runs in: hotreload/vX
// on HEAD, for the runtime, and vX, for anvil-lsp, on a commit beside the branch whose go.mod
// requires that runtime. On the branch go.mod takes it from the directory ./hotreload, and `go
// install …@vX` refuses a module that replaces another. Nothing is pushed.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./internal/release VERSION    # such as v0.2.0")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	r, err := release(ctx, ".", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Printf("%s\t%s\n%s\t%s\n\nNothing was pushed. To publish both:\n\n  git push --atomic origin %[1]s %[3]s\n",
		r.runtime.tag, r.runtime.commit, r.tool.tag, r.tool.commit)
}
