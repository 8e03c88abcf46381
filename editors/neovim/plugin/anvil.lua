-- Loaded when Neovim starts, so there is next to nothing here: the command, which
-- loads the rest when it is used. Servers start with require('anvil').setup().
if vim.g.loaded_anvil then
  return
end
vim.g.loaded_anvil = true

vim.api.nvim_create_user_command('Anvil', function(args)
  require('anvil.commands').run(args.fargs)
end, {
  nargs = '*',
  desc = 'Steer the live server of this Go application',
  complete = function(lead, line)
    return require('anvil.commands').complete(lead, line)
  end,
})
