// Package build turns a workspace into what the live server runs: an
// executable for a start, a plugin for every generation after it.
//
// Packages of its own run the go command ([gocmd]), ask it for the graph and draw the boundary
// between host and hot packages in it ([golist]), find the program ([discover]), read source by
// its text ([syntax]), compile ([compile]) and link ([link], [thin]). This one plans what a change
// takes and keeps what each generation was built from.
//
// # Generations
//
// The executable links hot packages too, so that the first generation is served without a plugin.
// When a hot package changes, it and the hot packages that import it are made once more under an
// import path of their own, anvil.g7/example.com/app/handlers. To the runtime they are new
// packages, which is why they load next to the old ones. The compiler knows nothing of it: what it
// writes is renamed for the linker, and what it wrote before is renamed again where it would write
// the same (see hotCompile). Packages that did not change keep the path that they have: their types
// stay identical and their variables keep their values. An exception are those whose variables may
// be changed when a package is initialised that is compiled again: they start again with it.
//
// # One set of archives
//
// Every package is compiled once, as for -buildmode=plugin, and these archives make both the
// executable (linked as PIE) and the plugins. Host and plugin therefore agree about host packages
// by construction, and a first build compiles the dependencies once instead of twice. Where that is
// not possible (see sharedArchives) the go command links the executable from archives of its own;
// the runtime's check of package hashes then sees to it that both agree.
//
// # Fast and slow
//
// The go command is asked for the package graph and for the archives of dependencies when the set
// of files, their imports, build constraints or embed patterns, or a module file changed. Otherwise
// the compiler and the linker run directly on what was recorded.
//
// All state is in immutable [Snapshot] values; the functions take the snapshot
// of the live generation and return the one of the next. They may be called
// concurrently and end early when their context ends.
package build
