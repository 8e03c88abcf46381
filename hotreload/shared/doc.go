// Package shared holds packages that both the runtime and anvil-lsp import.
// They are not internal, because anvil-lsp is another module. They are for it
// alone: nothing here keeps compatible.
package shared
