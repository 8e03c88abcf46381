module example.com/hello

go 1.26.0

require github.com/anvilforge/anvil-lsp/hotreload v0.0.0

require github.com/go-chi/chi/v5 v5.5.0 // indirect

replace github.com/anvilforge/anvil-lsp/hotreload => ../../hotreload
