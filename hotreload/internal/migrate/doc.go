// Package migrate turns the value of a keyed state into one of the types that newer
// code has for it.
//
// To Go, a type of a hot package is another type in each generation. A [TypeBook]
// knows which types belong together, by their names. A [Planner] makes one [Plan] for
// each pair of types: assignment, conversion, a struct field by field. A [Copier]
// follows the plans: it first finds all memory that the old value is made of, holding
// the locks in it, and then makes and fills new memory, so that what was shared stays
// shared. [Losses] counts what could not go along. An [Arrival] puts these together
// for one state: it decides between the copy, the user's migration function, which sees
// the value as an [Old], and a new start, and reports what was lost.
//
// Package image reuses plans, losses and Old for values of another process.
package migrate
