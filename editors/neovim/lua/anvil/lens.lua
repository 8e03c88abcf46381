--- Code lenses. Neovim before 0.12 asks for them only when it is told to.
local compat = require('anvil.compat')
local M = {}

local running = {} -- buffer → true, or 'again' if something changed meanwhile

--- Asks one server for the lenses of a buffer. Requests for the same buffer do
--- not pile up.
function M.refresh(client, bufnr)
  if running[bufnr] then
    running[bufnr] = 'again'
    return
  end
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  running[bufnr] = true
  local sent = compat.request(client, 'textDocument/codeLens', params, function(err, result, ctx, config)
    local again = running[bufnr] == 'again'
    running[bufnr] = nil
    if not err and result and vim.api.nvim_buf_is_loaded(bufnr) then
      if next(result) == nil then -- which Neovim would leave as they are
        vim.api.nvim_buf_clear_namespace(bufnr, vim.api.nvim_create_namespace('vim_lsp_codelens:' .. client.id), 0, -1)
      end
      vim.lsp.codelens.on_codelens(err, result, ctx, config)
    end
    if again and vim.api.nvim_buf_is_loaded(bufnr) and not compat.is_stopped(client) then
      M.refresh(client, bufnr)
    end
  end, bufnr)
  if not sent then
    running[bufnr] = nil
  end
end

--- Refreshes all buffers of a client.
function M.refresh_all(client)
  for _, bufnr in ipairs(compat.buffers(client)) do
    M.refresh(client, bufnr)
  end
end

--- Keeps the lenses of a buffer up to date.
function M.attach(client, bufnr)
  if compat.manages_lenses() then
    vim.lsp.codelens.enable(true, { bufnr = bufnr })
    return
  end
  local group = vim.api.nvim_create_augroup('anvil_lens_' .. bufnr, { clear = true })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
    group = group,
    buffer = bufnr,
    callback = function()
      if compat.is_stopped(client) then
        return true -- which removes the autocommand
      end
      M.refresh(client, bufnr)
    end,
  })
  M.refresh(client, bufnr)
end

return M
