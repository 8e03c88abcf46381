// Package hotreload serves an application whose handlers can be replaced while it
// runs. Routes, patterns and middleware are those of chi and net/http. Built as
// usual, an application serves the handlers that are linked in, and contains
// nothing that loads or watches anything. Under anvil-lsp the same code serves
// each save of a handler in the process that is already running: connections,
// sessions and state stay.
//
// # Two halves
//
// The host half of an application is main and everything that lives as long as
// the process: pools, sessions, hubs. It puts them into a [Container] and calls
// [LiveServer].
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//		defer stop()
//		c := hotreload.NewContainer()
//		hotreload.Provide(c, openDatabase())
//		err := hotreload.LiveServer(ctx, hotreload.Options{
//			Container: c,
//			Register:  handlers.AnvilRegisterRoutes,
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// The hot half is the handlers package and the packages that only it imports. The
// handlers package exports one function, under this name:
//
//	func AnvilRegisterRoutes(r *hotreload.RouteSink) {
//		db := hotreload.MustLookup[*sql.DB](r.Container())
//		r.Use(middleware.Logger)
//		r.Get("/posts/{id}", showPost(db))
//		r.Group("/api", func(r *hotreload.RouteSink) {
//			r.Post("/posts", createPost(db))
//		})
//	}
//
// # Generations
//
// Each build of the hot half is a generation. The function runs on a new
// [RouteSink]. If there is no mistake, the new routes replace the old ones in one
// atomic step; otherwise the generation that is live stays, and every mistake is
// reported at the line that made it. A request ends on the generation on which it
// began.
//
// # Patterns
//
// Patterns are chi's. A parameter in braces matches up to the next slash, or to the
// character that follows it in the pattern; one with a regular expression matches
// only what that does. An asterisk at the end matches the rest of the path:
//
//	"/posts/{id}"         matches "/posts/7", but not "/posts" or "/posts/7/edit"
//	"/posts/{id:[0-9]+}"  matches "/posts/7", but not "/posts/new"
//	"/{year}-{month}"     matches "/2026-12"
//	"/files/*"            matches "/files/" and "/files/a/b.txt"
//
// Where several patterns match, the more specific one answers, in whatever order
// they are registered.
//
// # Handlers
//
// Wherever a handler is expected, it is one of these:
//
//	http.Handler
//	func(http.ResponseWriter, *http.Request)
//	func(http.ResponseWriter, *http.Request) error
//	func(*hotreload.Ctx) error
//	func(*hotreload.Ctx, In) (Out, error)
//
// An error is answered by [RouteSink.OnError]; a [*StatusError] carries its status.
// The last kind is a typed handler. In is a struct that is filled from the request:
// fields with a tag path:"name" from the pattern's parameters, those with
// query:"name" from the query, and all others from a JSON body, as encoding/json
// does it. A request that cannot be decoded is answered with status 400 as
// application/problem+json, and the handler does not run. Out is written as JSON
// with status 200 (see [Ctx.Status]), unless the handler has answered through its
// Ctx already.
//
// # What survives a reload
//
// Package variables of the hot half start again with each generation. What must
// survive belongs in the Container:
//
//   - main provides things with [Provide], and hot code finds them by their type
//     with [MustLookup]. Use types of host packages for them: a type of the hot
//     half is another type in each generation.
//   - [StateOf] keeps a value under a key, also one of a hot type. It copies the
//     value into each new generation and migrates it if the type has changed.
//   - A [RegistryGeneration] is an index that each generation fills again: jobs,
//     or handlers of messages.
//
// # Testing
//
// A [LiveState] is the application as an [http.Handler], for package httptest. It
// needs neither anvil-lsp nor LiveServer.
//
// # Without LiveServer
//
// A framework that has a server of its own serves a [LiveState] and fills it with
// [LiveState.Register]. One that has routes of its own turns each handler into a
// [HandlerBox] with [Box]. It then either replaces all routes with a list of
// [RouteEntry] by [LiveState.Install], or mounts what [HandlerToMethodRouter]
// returns. [RouteSink.Entries] and [RegistrationManifest] describe what is
// registered. In hot mode ([IsHotMode]) only LiveServer loads new generations;
// [ABIVersion] is the version of its contract with the plugins. An application
// needs none of this.
package hotreload
