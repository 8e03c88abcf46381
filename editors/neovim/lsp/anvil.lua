-- For vim.lsp.enable('anvil') of Neovim 0.11 and newer, for those who keep all
-- their servers there. require('anvil').setup() does the same on any version.
return require('anvil').lsp_config()
