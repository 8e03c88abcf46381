--- What differs between the versions of Neovim, from 0.7 on. All of it is here:
--- nothing else asks which version it runs on.
local M = {}

--- The running clients of a name.
function M.clients(name)
  local all = vim.lsp.get_clients and vim.lsp.get_clients({ name = name }) or vim.lsp.get_active_clients()
  return vim.tbl_filter(function(client)
    return client.name == name and not M.is_stopped(client)
  end, all)
end

function M.is_stopped(client)
  if vim.fn.has('nvim-0.11') == 1 then
    return client:is_stopped()
  end
  return client.is_stopped()
end

--- Sends a request. Returns whether it was sent.
function M.request(client, method, params, handler, bufnr)
  if vim.fn.has('nvim-0.11') == 1 then
    return client:request(method, params, handler, bufnr)
  end
  return client.request(method, params, handler, bufnr)
end

function M.stop(client)
  if vim.fn.has('nvim-0.11') == 1 then
    return client:stop()
  end
  return client.stop()
end

-- Root directory → client. Neovim 0.7 does not list a client that has not
-- answered initialize yet.
local started = {}

--- Attaches a buffer to the server of its root directory, which is started if
--- it does not run. Returns the id of the client, nil if it cannot be started.
function M.start(config, bufnr)
  if vim.lsp.start then -- 0.8
    return vim.lsp.start(config, { bufnr = bufnr })
  end
  local client = started[config.root_dir] and vim.lsp.get_client_by_id(started[config.root_dir])
  if not client or M.is_stopped(client) then
    started[config.root_dir] = vim.lsp.start_client(config)
  end
  local id = started[config.root_dir]
  if id then
    vim.lsp.buf_attach_client(bufnr, id)
  end
  return id
end

--- The buffers that are attached to a client. Up to 0.7 one that was wiped out
--- still counts as attached.
function M.buffers(client)
  local list = client.attached_buffers and vim.tbl_keys(client.attached_buffers) or vim.lsp.get_buffers_by_client_id(client.id)
  return vim.tbl_filter(vim.api.nvim_buf_is_valid, list)
end

--- Whether a buffer is attached to a running client of a name.
function M.attached(name, bufnr)
  for _, client in ipairs(M.clients(name)) do
    if vim.lsp.buf_is_attached(bufnr, client.id) then
      return true
    end
  end
  return false
end

--- Whether Neovim keeps code lenses up to date by itself (0.12).
function M.manages_lenses()
  return vim.lsp.codelens.enable ~= nil
end

function M.show_inlay_hints(bufnr)
  if vim.lsp.inlay_hint then -- 0.10
    vim.lsp.inlay_hint.enable(true, { bufnr = bufnr })
  end
end

--- Shows a URL in the user's browser.
function M.browse(url)
  if vim.ui.open then -- 0.10
    local _, err = vim.ui.open(url)
    return err == nil, err
  end
  for _, program in ipairs({ 'xdg-open', 'open', 'wslview' }) do
    if vim.fn.executable(program) == 1 then
      return vim.fn.jobstart({ program, url }, { detach = true }) > 0
    end
  end
  return false, 'no program was found that opens ' .. url
end

--- Whether Neovim itself has a handler for what a server sends.
function M.has_handler(method)
  return vim.lsp.handlers[method] ~= nil
end

--- The functions of a health check.
function M.health()
  local h = vim.health
  if h and h.start then -- 0.10
    return h
  end
  h = h and h.report_start and h or require('health')
  return { start = h.report_start, ok = h.report_ok, info = h.report_info, warn = h.report_warn, error = h.report_error }
end

--- An empty table that travels as an object, and any other as it is.
function M.object(t)
  return next(t) == nil and vim.empty_dict() or t
end

return M
