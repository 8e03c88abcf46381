// Package lspserver is the editor's face of the engine: a language server that
// runs beside gopls, repeats nothing that gopls does, and shows what only a
// live server and its manifest know. It is the only package that knows the
// Language Server Protocol.
//
// # How it is built
//
// A [Server] speaks with one client. Messages arrive in order on one goroutine
// (see internal/rpc). What changes state (documents, folders, settings) is done
// there and is quick. A request gets an immutable snapshot (internal/view), from
// which its answer is computed concurrently (internal/feature).
//
// For each application that is found below a workspace folder there is a
// session with a goroutine of its own. It owns an engine, or is attached to the
// engine of another process and takes over when that ends; it follows the
// engine's events, and has another goroutine predict what the unsaved buffers
// would do. A folder without an application costs nothing: no goroutine, no
// timer, no process.
//
// A session hands its diagnostics to internal/publish, which sends those of all
// sessions together. Every family of methods is an entry in the table of features
// (methods.go); docs/lsp.md is what a client sees.
package lspserver
