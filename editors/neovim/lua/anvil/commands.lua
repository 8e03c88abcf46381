--- :Anvil and what follows it.
local anvil = require('anvil')
local compat = require('anvil.compat')
local M = {}

--- Shows a text in a window of its own.
local function show(name, text, filetype)
  local buf = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?') .. '$')
  if buf < 0 then
    buf = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buf, name)
    vim.bo[buf].bufhidden = 'wipe'
    vim.bo[buf].filetype = filetype
  end
  local window = vim.fn.bufwinid(buf)
  if window < 0 then
    vim.cmd('botright split')
    vim.api.nvim_win_set_buf(0, buf)
  else
    vim.api.nvim_set_current_win(window)
  end
  vim.bo[buf].modifiable = true
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(text, '\n', { plain = true, trimempty = true }))
  vim.bo[buf].modifiable = false
  return buf
end

local function note(text)
  vim.api.nvim_echo({ { text } }, false, {})
end

--- What is counted of a route, as a person reads it.
local function counted(stats)
  if not stats or (stats.requests or 0) == 0 then
    return 'no requests'
  end
  local parts = { stats.requests == 1 and '1 request' or stats.requests .. ' requests' }
  if (stats.errors or 0) > 0 then
    table.insert(parts, stats.errors == 1 and '1 error' or stats.errors .. ' errors')
  end
  if (stats.p50Ms or 0) > 0 then
    table.insert(parts, string.format('p50 %.3g ms', stats.p50Ms))
  end
  if (stats.lastStatus or 0) > 0 then
    table.insert(parts, 'last ' .. stats.lastStatus)
  end
  return table.concat(parts, ', ')
end

local patterns = {} -- for completion: those that were seen last

local function remember(routes)
  patterns = {}
  for _, r in ipairs(routes) do
    if r.method == 'GET' or r.method == '*' then
      table.insert(patterns, r.pattern)
    end
  end
end

local function with_routes(folder, on_routes)
  anvil.request('anvil/routes', { folder = folder }, function(result)
    local routes = result and result.routes or {}
    remember(routes)
    on_routes(routes)
  end)
end

--- A value as part of a path; slashes stay where a parameter takes several parts.
local function encode(value, slashes)
  return (value:gsub(slashes and '[^%w%-._~/]' or '[^%w%-._~]', function(c)
    return string.format('%%%02X', c:byte())
  end))
end

--- The next place for a value in a pattern: from, to, the parameter's name, and
--- whether it takes slashes. Braces may hold braces: {id:[0-9]{4}}.
local function parameter(pattern)
  local from, to = pattern:find('%b{}')
  if from then
    local name = pattern:sub(from + 1, to - 1):match('^[^:]*')
    local rest = name:match('^(.*)%.%.%.$')
    return from, to, rest or name, rest ~= nil
  end
  from, to = pattern:find('%*$')
  return from, to, '*', true
end

--- Asks for the parameters of a pattern, one after the other, and calls
--- on_path(path) with what comes out, unless the user gives up.
local function fill(pattern, on_path)
  local from, to, name, slashes = parameter(pattern)
  if not from then
    return on_path(pattern)
  end
  vim.ui.input({ prompt = pattern .. '  ' .. name .. ' = ' }, function(value)
    if value and value ~= '' then
      fill(pattern:sub(1, from - 1) .. encode(value, slashes) .. pattern:sub(to + 1), on_path)
    end
  end)
end

--- Has the server open a route: it knows where the application answers.
local function open(route)
  fill(route.pattern, function(path)
    anvil.request('anvil.openRoute', { folder = route.folder, method = route.method, pattern = route.pattern, path = path })
  end)
end

local verbs = {}

function verbs.status()
  local s = anvil.status(0)
  if not s then
    return note('anvil: no application is known here')
  end
  local line = anvil.statusline(0)
  note(table.concat({ line ~= '' and line or 'anvil off', s.url or '', s.message or '' }, '  '))
end

function verbs.start()
  -- The only server that is known may be of another module, and not of the buffer.
  if not compat.attached('anvil', vim.api.nvim_get_current_buf()) and anvil.start(0) then
    return
  end
  if anvil.client(0) then
    return anvil.request('anvil.start')
  end
  vim.notify('anvil: this buffer is no file of a Go module', vim.log.levels.ERROR)
end

for _, name in ipairs({ 'stop', 'reload', 'restart', 'pause', 'resume' }) do
  verbs[name] = function()
    anvil.request('anvil.' .. name)
  end
end

function verbs.rollback(generation)
  local n = generation and tonumber(generation)
  if generation and not n then
    return vim.notify('anvil: ' .. generation .. ' is no number of a generation', vim.log.levels.ERROR)
  end
  anvil.request('anvil.rollback', { generation = n })
end

--- Lists the routes of an application, by default that of the buffer.
function M.show_routes(folder)
  with_routes(folder, function(routes)
    local items = {}
    for _, r in ipairs(routes) do
      local text = string.format('%-6s %s  %s  %s', r.method, r.pattern, r.handler or '', r.pending and 'not live yet' or counted(r.stats))
      if r.panic then
        text = text .. '  last panic: ' .. r.panic.message
      end
      -- One whose registration is not known has an empty address.
      local known = type(r.location) == 'table' and (r.location.uri or '') ~= ''
      local at = known and r.location.range.start
      table.insert(items, {
        filename = at and vim.uri_to_fname(r.location.uri) or nil,
        lnum = at and at.line + 1 or nil,
        col = at and 1 or nil,
        text = text,
      })
    end
    vim.fn.setqflist({}, ' ', { title = 'anvil routes', items = items })
    vim.cmd('botright copen')
  end)
end

function verbs.routes()
  M.show_routes()
end

--- Whether routes are of several applications.
local function several(routes)
  for _, r in ipairs(routes) do
    if r.folder ~= routes[1].folder then
      return true
    end
  end
  return false
end

function verbs.open(pattern)
  with_routes(nil, function(routes)
    local shown = vim.tbl_filter(function(r)
      return (r.method == 'GET' or r.method == '*') and (not pattern or r.pattern == pattern)
    end, routes)
    if #shown == 0 then
      vim.notify('anvil: no route ' .. (pattern or '') .. ' can be opened', vim.log.levels.ERROR)
    elseif #shown == 1 then
      open(shown[1])
    else
      vim.ui.select(shown, {
        prompt = 'Open route:',
        format_item = function(r)
          return several(shown) and r.pattern .. '  ' .. vim.fn.fnamemodify(vim.uri_to_fname(r.folder), ':t') or r.pattern
        end,
      }, function(r)
        if r then
          open(r)
        end
      end)
    end
  end)
end

--- Shows in what an application's code differs from what is live.
function M.show_diff(folder)
  anvil.request('anvil.showManifestDiff', { folder = folder }, function(result)
    local text = result and result.text or ''
    if text == '' then
      return note('anvil: what the code registers is what is live')
    end
    show('anvil://diff', text, 'diff')
  end)
end

function verbs.diff()
  M.show_diff()
end

--- Shows what an application printed last.
function M.show_log(folder)
  anvil.request('anvil/log', { folder = folder, lines = 1000 }, function(result)
    show('anvil://log', result and result.text or '', 'anvillog')
    vim.cmd('normal! G')
  end)
end

function verbs.log()
  M.show_log()
end

--- Runs :Anvil with its arguments.
function M.run(args)
  local verb = args[1] or 'status'
  local run = verbs[verb]
  if not run then
    return vim.notify('anvil: :Anvil ' .. verb .. ' is unknown; there are: ' .. table.concat(M.names(), ', '), vim.log.levels.ERROR)
  end
  if #args > 2 or (#args == 2 and verb ~= 'open' and verb ~= 'rollback') then
    return vim.notify('anvil: too many arguments for :Anvil ' .. verb, vim.log.levels.ERROR)
  end
  run(args[2])
end

--- The verbs, sorted.
function M.names()
  local names = vim.tbl_keys(verbs)
  table.sort(names)
  return names
end

--- Completes a command line.
function M.complete(lead, line)
  local words = vim.split(line, '%s+')
  local candidates = {}
  if #words <= 2 then
    candidates = M.names()
  elseif #words == 3 and words[2] == 'open' then
    candidates = patterns
  elseif #words == 3 and words[2] == 'rollback' then
    local s = anvil.status(0)
    for n = (s and s.generation or 0) - 1, 1, -1 do
      table.insert(candidates, tostring(n))
    end
  end
  return vim.tbl_filter(function(word)
    return word:sub(1, #lead) == lead
  end, candidates)
end

return M
