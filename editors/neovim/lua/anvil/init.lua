--- Hot reload for Go web applications: the client of the language server
--- anvil-lsp, which runs beside gopls. See :help anvil.
local compat = require('anvil.compat')
local lens = require('anvil.lens')
local status = require('anvil.status')

local M = {}

--- What setup() takes; see :help anvil-setup.
M.options = {
  cmd = { 'anvil-lsp' },
  settings = {}, -- of section "anvil"; see docs/lsp.md
  code_lens = true,
  capabilities = nil, -- of the client, where a plugin adds to Neovim's own
  on_attach = nil, -- function(client, bufnr)
  open = nil, -- function(url): how to show a URL, instead of in the browser
  auto_start = true, -- for each Go buffer in a module
}

local foreign -- directories whose modules are not the user's to change

--- Where the go command keeps the standard library and what modules require.
local function foreign_dirs()
  if not foreign then
    foreign = {}
    if vim.fn.executable('go') == 1 then
      for _, dir in ipairs(vim.fn.systemlist({ 'go', 'env', 'GOROOT', 'GOMODCACHE' })) do
        if vim.v.shell_error == 0 and dir ~= '' then
          table.insert(foreign, vim.fn.resolve(dir) .. '/')
        end
      end
    end
  end
  return foreign
end

--- The directory that a server is started in: the closest with a go.work above
--- a file, else the closest with a go.mod; nil if there is none, and for what
--- other people wrote: the standard library and the module cache.
function M.root(path)
  local real = vim.fn.resolve(vim.fn.fnamemodify(path, ':p'))
  for _, dir in ipairs(foreign_dirs()) do
    if real:sub(1, #dir) == dir then
      return nil
    end
  end
  local module
  local dir = vim.fn.fnamemodify(path, ':p:h')
  while true do
    if vim.loop.fs_stat(dir .. '/go.work') then
      return dir
    end
    if not module and vim.loop.fs_stat(dir .. '/go.mod') then
      module = dir
    end
    local parent = vim.fn.fnamemodify(dir, ':h')
    if parent == dir then
      return module
    end
    dir = parent
  end
end

--- Shows a URL in the browser. Returns whether that could be done, and why not.
function M.browse(url)
  if M.options.open then
    M.options.open(url)
    return true
  end
  return compat.browse(url)
end

--- Shows a document for the server: a URL in the browser, a file in a window.
local function show_document(_, params)
  if params.external then
    local done, err = M.browse(params.uri)
    if not done then
      vim.notify('anvil: ' .. (err or 'the browser does not start') .. ': ' .. params.uri, vim.log.levels.WARN)
    end
    return { success = done }
  end
  local range = params.selection or { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 0 } }
  return { success = vim.lsp.util.jump_to_location({ uri = params.uri, range = range }, 'utf-16') and true or false }
end

--- The application that a lens is about.
local function folder_of(command)
  local argument = command.arguments and command.arguments[1]
  return type(argument) == 'table' and argument.folder or nil
end

local function handlers()
  local h = {
    ['anvil/status'] = function(_, result, ctx)
      status.set(ctx.client_id, result)
    end,
    ['anvil/routesChanged'] = function()
      status.routes_changed()
    end,
  }
  if not compat.manages_lenses() then
    h['workspace/codeLens/refresh'] = function(_, _, ctx)
      local client = vim.lsp.get_client_by_id(ctx.client_id)
      if client and M.options.code_lens then
        lens.refresh_all(client)
      end
      return vim.NIL
    end
  end
  if M.options.open or not compat.has_handler('window/showDocument') then
    h['window/showDocument'] = show_document
  end
  return h
end

--- What the client can do. Positions are in UTF-16 only, as they are with gopls:
--- Neovim warns of a buffer whose servers count differently.
local function capabilities()
  local own = vim.lsp.protocol.make_client_capabilities()
  return vim.tbl_deep_extend('force', own, {
    general = { positionEncodings = { 'utf-16' } },
    textDocument = { codeLens = { dynamicRegistration = false } },
    window = { showDocument = { support = true } },
    workspace = { codeLens = { refreshSupport = true } },
  }, M.options.capabilities or {})
end

--- The root directory for a buffer; nil if it is no file of the user's modules.
local function root_of(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if name == '' or vim.bo[bufnr].buftype ~= '' then
    return nil
  end
  return M.root(name)
end

--- What vim.lsp.config() takes, and vim.lsp.start() with a root directory.
function M.lsp_config()
  return {
    name = 'anvil',
    cmd = M.options.cmd,
    filetypes = { 'go' },
    root_dir = function(bufnr, on_dir)
      local root = root_of(bufnr)
      if root then
        on_dir(root)
      end
    end,
    -- With clientCommands the server leaves it to us to show what it answers.
    commands = {
      ['anvil.showLog'] = function(command)
        require('anvil.commands').show_log(folder_of(command))
      end,
      ['anvil.showRoutes'] = function(command)
        require('anvil.commands').show_routes(folder_of(command))
      end,
      ['anvil.showManifestDiff'] = function(command)
        require('anvil.commands').show_diff(folder_of(command))
      end,
    },
    init_options = vim.tbl_extend('keep', { clientCommands = true }, M.options.settings),
    settings = { anvil = compat.object(vim.deepcopy(M.options.settings)) },
    capabilities = capabilities(),
    handlers = handlers(),
    flags = { debounce_text_changes = 30 }, -- the server waits until typing rests
    on_attach = function(client, bufnr)
      if M.options.code_lens then
        lens.attach(client, bufnr)
      end
      if M.options.settings.inlayHints then
        compat.show_inlay_hints(bufnr)
      end
      if M.options.on_attach then
        M.options.on_attach(client, bufnr)
      end
    end,
    on_exit = function(_, _, client_id)
      vim.schedule(function()
        status.forget(client_id)
      end)
    end,
  }
end

--- Starts the server for a buffer, or attaches the buffer to the one that runs.
--- Returns the id of the client; nil if the buffer is no file of the
--- user's Go modules.
function M.start(bufnr)
  bufnr = (bufnr == nil or bufnr == 0) and vim.api.nvim_get_current_buf() or bufnr
  local root = root_of(bufnr)
  if not root then
    return nil
  end
  local config = M.lsp_config()
  config.root_dir = root
  return compat.start(config, bufnr)
end

local complained = false

--- Has every Go buffer start or join the server of its module.
function M.setup(options)
  M.options = vim.tbl_deep_extend('force', M.options, options or {})
  vim.cmd('runtime plugin/anvil.lua') -- :Anvil, where plugins are loaded late
  if not M.options.auto_start then
    return
  end
  local function attach(bufnr)
    if vim.fn.executable(M.options.cmd[1]) == 0 then
      if not complained then
        complained = true
        vim.notify('anvil: ' .. M.options.cmd[1] .. ' is not found; see :checkhealth anvil', vim.log.levels.WARN)
      end
      return
    end
    M.start(bufnr)
  end
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('anvil', { clear = true }),
    pattern = 'go',
    desc = 'anvil: start the language server',
    callback = function(args)
      attach(args.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do -- for those who load plugins late
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype == 'go' then
      attach(bufnr)
    end
  end
end

--- The anvil/status of the application that a buffer belongs to; nil if none is
--- known.
function M.status(bufnr)
  return (status.of(bufnr))
end

--- A short text for a status line: "anvil gen 12 64 ms".
function M.statusline(bufnr)
  return status.line(bufnr)
end

--- The client that answers for a buffer, and the URI of its application's
--- folder if that is known.
function M.client(bufnr)
  local s, id = status.of(bufnr)
  local client = id and vim.lsp.get_client_by_id(id)
  if client then
    return client, s.folder
  end
  return compat.clients('anvil')[1]
end

local function complain(message)
  vim.notify('anvil: ' .. message, vim.log.levels.ERROR)
end

--- Sends a request to the server of the current buffer, with its folder added to
--- the parameters. on_result(result) is called if that is no error; errors are
--- shown.
function M.request(method, params, on_result)
  local client, folder = M.client(0)
  if not client then
    return complain('no server runs for this buffer; :Anvil start starts it, :checkhealth anvil says more')
  end
  params = vim.tbl_extend('keep', params or {}, { folder = folder })
  if method:find('^anvil%.') then
    params = { command = method, arguments = { compat.object(params) } }
    method = 'workspace/executeCommand'
  end
  compat.request(client, method, compat.object(params), function(err, result)
    if err then
      return complain(err.message or vim.inspect(err))
    end
    if on_result then
      on_result(result ~= vim.NIL and result or nil)
    end
  end, 0)
end

return M
