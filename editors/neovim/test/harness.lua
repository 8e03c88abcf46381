--- What the tests need: conditions are waited for, never times. A test file
--- returns a function; the process ends with 0 if that returns.
local M = {}

local patience = tonumber(vim.env.ANVIL_TEST_PATIENCE_MS or '') or 60000

local function out(fmt, ...)
  io.stdout:write(string.format(fmt, ...) .. '\n')
  io.stdout:flush()
end
M.say = out

--- Waits until fn() is neither nil nor false, and returns that.
function M.wait(what, fn)
  local value
  local begun = vim.loop.hrtime()
  local ok = vim.wait(patience, function()
    value = fn()
    return value ~= nil and value ~= false
  end, 10)
  if not ok then
    error('waited in vain: ' .. what, 2)
  end
  out('%-52s %6d ms', what, (vim.loop.hrtime() - begun) / 1e6)
  return value
end

function M.equal(what, got, want)
  if not vim.deep_equal(got, want) then
    error(string.format('%s: got %s, want %s', what, vim.inspect(got), vim.inspect(want)), 2)
  end
end

function M.matches(what, text, pattern)
  if type(text) ~= 'string' or not text:find(pattern) then
    error(string.format('%s: got %s, which does not match %s', what, vim.inspect(text), pattern), 2)
  end
end

--- Collects vim.notify messages instead of showing them.
function M.messages()
  local list = {}
  vim.notify = function(text, level)
    table.insert(list, { text = text, level = level })
  end
  return list
end

--- Runs a test once Neovim has started, and ends the process.
function M.run(test)
  vim.opt.swapfile = false
  vim.api.nvim_create_autocmd('VimEnter', {
    once = true,
    callback = function()
      vim.schedule(function()
        local v = vim.version()
        out('Neovim %d.%d.%d', v.major, v.minor, v.patch)
        local ok, err = xpcall(test, debug.traceback)
        if not ok then
          out('%s', err)
        end
        out(ok and 'PASS' or 'FAIL')
        vim.cmd(ok and 'qall!' or 'cquit 1')
      end)
    end,
  })
end

return M
