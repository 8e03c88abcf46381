// Package hotreload is what an application imports so that its handlers can be
// replaced while it runs.
//
// An application has two halves. The host half is main and whatever it opens
// for its whole life: pools, sessions, hubs. It puts them into a [Container]
// and calls [LiveServer]. The hot half is the handlers package and whatever
// only that package imports. It exports one function:
//
//	func AnvilRegisterRoutes(r *hotreload.RouteSink) {
//		r.Use(middleware.Logger)
//		r.Get("/posts/{id}", ShowPost)
//		r.Group("/api", func(r *hotreload.RouteSink) {
//			r.Post("/posts", CreatePost)
//		})
//	}
//
// and main passes that function on:
//
//	hotreload.LiveServer(ctx, hotreload.Options{
//		Container: c,
//		Register:  handlers.AnvilRegisterRoutes,
//	})
//
// Every time the hot half is rebuilt it becomes a generation: the function runs
// on a fresh [RouteSink], and if nothing is wrong the new routes replace the old
// ones in one atomic step. If anything is wrong, the generation that is live
// stays so. A request ends on the generation that it started on. Package
// variables of the hot half start again with each generation; what must
// survive belongs into the Container, where [MustLookup] and [StateOf] find it, and
// what the hot half registers beside routes belongs into a [RegistryGeneration].
//
// # Two builds
//
// Built as usual, the package serves the handlers that are linked in: no plugin
// is loaded, nothing is watched, and no development code is part of the
// executable. Built with the tag anvilhot, which anvil-lsp does by itself, it
// takes new generations from the engine; see [IsHotMode].
//
// # What is written where
//
// Types of things that are kept across reloads are best types of host packages:
// each generation has its own copy of every hot type, and to Go the copies are
// different types. [StateOf] takes a value from one to the next, which costs a
// copy; [Provide] and [MustLookup] do not.
package hotreload
