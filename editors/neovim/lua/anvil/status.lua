--- What the servers last said about their applications.
local M = {}

local known = {} -- client id → URI of the folder → anvil/status

local function fire(pattern)
  vim.api.nvim_exec_autocmds('User', { pattern = pattern, modeline = false })
end

--- Takes an anvil/status, and fires the autocommand User AnvilStatus.
function M.set(client_id, status)
  known[client_id] = known[client_id] or {}
  known[client_id][status.folder] = status
  fire('AnvilStatus')
  vim.cmd('redrawstatus!')
end

--- Fires User AnvilRoutes: the routes or their counters have changed.
function M.routes_changed()
  fire('AnvilRoutes')
end

--- Forgets a server that has ended.
function M.forget(client_id)
  if known[client_id] then
    known[client_id] = nil
    fire('AnvilStatus')
  end
end

--- The status of the application that a buffer belongs to, and the id of the
--- client that it comes from. A buffer outside of any application has that of
--- the only one there is.
function M.of(bufnr)
  local path = vim.fn.resolve(vim.api.nvim_buf_get_name(bufnr or 0))
  local best, best_id, length, only, only_id, count = nil, nil, 0, nil, nil, 0
  for id, folders in pairs(known) do
    for uri, status in pairs(folders) do
      count, only, only_id = count + 1, status, id
      local dir = vim.fn.resolve(vim.uri_to_fname(uri)):gsub('/$', '')
      if path:sub(1, #dir + 1) == dir .. '/' and #dir > length then
        best, best_id, length = status, id, #dir
      end
    end
  end
  if best then
    return best, best_id
  elseif count == 1 then
    return only, only_id
  end
end

local words = { starting = 'starting', building = 'building', restarting = 'restarting', kept = 'kept', down = 'down' }

--- How long something took, as a person reads it: "64 ms", "1.2 s".
local function duration(ms)
  if ms < 1000 then
    return string.format('%.0f ms', ms)
  end
  return string.format('%.1f s', ms / 1000)
end

--- A short text for a status line; empty where there is no live server.
function M.line(bufnr)
  local s = M.of(bufnr)
  if not s or s.state == 'off' then
    return ''
  end
  local parts = { 'anvil' }
  if (s.generation or 0) > 0 then
    table.insert(parts, 'gen ' .. s.generation)
  end
  if words[s.state] then
    table.insert(parts, words[s.state])
  elseif (s.lastMs or 0) > 0 then
    table.insert(parts, duration(s.lastMs))
  end
  if (s.problems or 0) > 0 then
    table.insert(parts, s.problems == 1 and '1 problem' or s.problems .. ' problems')
  end
  if s.paused then
    table.insert(parts, 'paused')
  end
  return table.concat(parts, ' ')
end

return M
