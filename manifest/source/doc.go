// Package source tells from source code alone what a generation would register and which edits need
// more than a hot swap.
//
// A live server knows what a generation registers by running it (see package manifest: the truth,
// by reflection). This package gives the same answer before anything is built. It works in three
// steps:
//
//   - A [Checker] type-checks the hot packages, the host packages that were
//     edited, and those that registration leads into, from source; everything
//     else comes from the export data in the compiler's archives. What did not
//     change since the last call is used again, so a keystroke costs one package
//     and those that import it.
//   - The register function is followed by an abstract interpreter: it runs the
//     statements over values of which only some are known. Constants, tables,
//     helpers, closures and methods are followed; what comes from outside (the
//     environment, a database) is unknown, and so is what depends on it. Where a
//     condition is unknown both branches run, and their routes are marked as
//     conditional.
//   - The syntax of all hot packages is searched for what a reload would break
//     or reset.
//
// A [Report] holds the result. [Compare] sets it against the manifest of the live generation.
//
// Nothing that is in doubt becomes an error. What is expected to be refused is built and loaded all
// the same, and the live server has the last word. The exception is a registration that a process
// can make only once (ANV006): the engine does not load code that makes one again, so it must be
// found, and be certain, before the code runs.
//
// The work is done in the packages below internal: load, findings and eval.
package source
