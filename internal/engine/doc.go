// Package engine is the loop: change → check → build → load → report.
//
// One engine works for one workspace. It owns the ladder: for each settled batch of changed files
// it takes the first rung that is safe: a hot swap, else a warm restart, else it keeps the last
// good generation. Nothing that fails on the way takes that generation down.
//
// One goroutine, [Engine.Run], owns the state. Work that takes time is done by a task, at most one
// at a time; a newer batch cancels the task and takes over its files. A task gets values, and has
// no access to the state. It reports what the loop must know at once, and its outcome lists all
// other effects, which the loop applies in one place.
//
// Everything that happens is published as one stream of [control.Event] values, and that is all
// that the console, --json, the editor and attached clients know.
package engine
