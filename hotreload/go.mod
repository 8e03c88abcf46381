module github.com/anvilforge/anvil-lsp/hotreload

go 1.26

require github.com/go-chi/chi/v5 v5.0.12
