--- :checkhealth anvil
local M = {}

local function output(cmd)
  local text = vim.trim(vim.fn.system(cmd))
  return vim.v.shell_error == 0 and text or nil, text
end

function M.check()
  local anvil = require('anvil')
  local compat = require('anvil.compat')
  local health = compat.health()

  health.start('anvil: programs')
  if vim.fn.has('nvim-0.7') == 1 then
    local v = vim.version()
    health.ok(string.format('Neovim %d.%d.%d', v.major, v.minor, v.patch))
  else
    health.error('Neovim 0.7 or newer is needed')
  end
  local program = anvil.options.cmd[1]
  if vim.fn.executable(program) == 0 then
    health.error(program .. ' is not found', { 'go install github.com/anvilforge/anvil-lsp/cmd/anvil-lsp@latest', 'or name it: require("anvil").setup({ cmd = { "/path/to/anvil-lsp" } })' })
  else
    local version, said = output({ program, 'version' })
    if version then
      health.ok(vim.split(version, '\n')[1])
    else
      health.error(program .. ' does not run: ' .. said)
    end
  end
  local go, said = output({ 'go', 'version' })
  if go then
    health.ok(go)
  else
    health.error('go is not found: ' .. said, { 'install Go 1.26 or newer: https://go.dev/dl' })
  end
  if vim.fn.executable(vim.env.CC or 'gcc') == 0 and vim.fn.executable('clang') == 0 then
    health.error('no C compiler is found, which linking a plugin needs', { 'apt-get install gcc libc6-dev, or the like' })
  else
    health.ok('a C compiler is found')
  end

  health.start('anvil: servers')
  local clients = compat.clients('anvil')
  if #clients == 0 then
    health.info('none runs; one is started for Go files in a module after require("anvil").setup()')
  end
  for _, client in ipairs(clients) do
    health.ok(string.format('client %d in %s', client.id, client.config.root_dir or '?'))
  end
  local s = anvil.status()
  if s then
    health.info(string.format('%s: %s, generation %d, %s', vim.uri_to_fname(s.folder), s.state, s.generation or 0, s.url ~= '' and s.url or 'no address'))
    if s.message and s.message ~= '' then
      health.info(s.message)
    end
  elseif #clients > 0 then
    health.info('no application is found: that takes a main package that calls hotreload.LiveServer, and a handlers package with AnvilRegisterRoutes')
  end
end

return M
