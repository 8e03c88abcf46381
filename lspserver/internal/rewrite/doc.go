// Package rewrite computes changes of Go source that an editor offers: it knows
// packages and types, and nothing of the editor's protocol.
//
// A change is right or it is refused. Every function here answers with the new
// text of whole files or with an error that says why it could not be done
// without changing what the program means; and no answer leaves the package
// before it was type-checked once more with the new text. What was formatted
// before is formatted afterwards.
package rewrite
