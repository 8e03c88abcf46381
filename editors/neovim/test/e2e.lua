-- The whole loop, with the real server: open, edit, diagnostics before the save,
-- save, progress, live, lens, panic, restart. Run by editors/neovim/e2e_test.go in a
-- copy of examples/hello.
local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h')
vim.opt.runtimepath:prepend(vim.fn.fnamemodify(here, ':h'))
package.path = here .. '/?.lua;' .. package.path
local t = require('harness')

--- Asks the application. Returns the status and the body; nil if it does not
--- accept connections.
local function get(url, path)
  local host, port = url:match('^http://([%d.]+):(%d+)')
  local socket, answer, over, refused = vim.loop.new_tcp(), '', false, false
  socket:connect(host, tonumber(port), function(err)
    if err then
      refused, over = true, true
      return
    end
    socket:read_start(function(_, chunk)
      if chunk then
        answer = answer .. chunk
      else
        over = true
      end
    end)
    socket:write('GET ' .. path .. ' HTTP/1.1\r\nHost: ' .. host .. '\r\nConnection: close\r\n\r\n')
  end)
  assert(vim.wait(60000, function()
    return over
  end, 5), 'no answer from ' .. url .. path)
  socket:close()
  if refused then
    return nil
  end
  return tonumber(answer:match('^HTTP/1.1 (%d+)')), answer:match('\r\n\r\n(.*)$')
end

t.run(function()
  local messages = t.messages()
  local progress = {}
  local show = vim.lsp.handlers['$/progress']
  vim.lsp.handlers['$/progress'] = function(err, result, ...)
    table.insert(progress, result.value)
    return show(err, result, ...)
  end

  -- The user is asked once whether the code may run: with Neovim's own question.
  local questions = {}
  vim.fn.inputlist = function(lines) -- 0.7
    table.insert(questions, lines[1])
    for _, line in ipairs(lines) do
      local choice = line:match('^(%d+)%. Run$')
      if choice then
        return tonumber(choice)
      end
    end
    return 0
  end
  vim.ui.select = function(items, options, on_choice) -- later versions
    table.insert(questions, options.prompt)
    for i, item in ipairs(items) do
      if (options.format_item or tostring)(item) == 'Run' then
        return on_choice(item, i)
      end
    end
    on_choice(nil)
  end

  local anvil = require('anvil')
  anvil.setup({ cmd = { vim.env.ANVIL_TEST_SERVER, '--stdio' }, settings = { address = '127.0.0.1:0' } })
  vim.cmd('edit handlers/handlers.go')
  vim.bo.filetype = 'go'
  local buf = vim.api.nvim_get_current_buf()

  local function replace(old, new)
    for i, line in ipairs(vim.api.nvim_buf_get_lines(buf, 0, -1, false)) do
      local from, to = line:find(old, 1, true)
      if from then
        vim.api.nvim_buf_set_text(buf, i - 1, from - 1, i - 1, to, { new })
        return i - 1
      end
    end
    error('not in the buffer: ' .. old)
  end
  local function found(code)
    return function()
      for _, d in ipairs(vim.diagnostic.get(buf)) do
        local lsp = d.user_data and d.user_data.lsp or {}
        if d.source == 'anvil' and (lsp.code == code or d.code == code) then
          return d
        end
      end
    end
  end
  local function gone(code)
    return function()
      return not found(code)()
    end
  end
  local function live(generation)
    return function()
      local s = anvil.status(buf)
      return s and s.state == 'live' and s.generation == generation and s
    end
  end

  -- Open.
  local url = t.wait('open: generation 1 is live', live(1)).url
  t.equal('questions', #questions, 1)
  t.matches('question', questions[1], '^Run the code in /')
  local _, body = get(url, '/')
  t.matches('the page', body, '^Hello! Visit 1,')
  local client = assert(anvil.client(buf))

  -- Edit: what the save would do stands in the buffer before it.
  local line = replace('func now(w http.ResponseWriter, _ *http.Request) {', 'func now(w http.ResponseWriter, _ *http.Request) error {')
  local d = t.wait('edit: ANV001 before the save', found('ANV001'))
  t.equal('severity', d.severity, vim.diagnostic.severity.WARN)
  t.equal('line', d.lnum, line)
  t.equal('nothing is saved', { vim.bo[buf].modified, anvil.status(buf).generation }, { true, 1 })
  replace('_ *http.Request) error {', '_ *http.Request) {')
  t.wait('edit: taken back', gone('ANV001'))

  -- Save: progress, and live.
  replace('Hello!', 'Welcome!')
  progress = {}
  vim.cmd('silent write')
  t.wait('save: generation 2 is live', live(2))
  _, body = get(url, '/')
  t.matches('the page', body, '^Welcome! Visit 2,')
  t.matches('status line', anvil.statusline(buf), '^anvil gen 2 [%d.]+ m?s$')
  local last = t.wait('save: progress ends', function()
    local value = progress[#progress]
    return value and value.kind == 'end' and value
  end)
  t.equal('progress begins', { progress[1].kind, progress[1].title }, { 'begin', 'anvil' })
  t.matches('progress ends', last.message, 'gen 2')

  -- Lens.
  if client.server_capabilities.codeLensProvider then
    t.wait('lens: the generation, and what was asked for', function()
      local titles = {}
      for _, lens in ipairs(vim.lsp.codelens.get(buf)) do
        table.insert(titles, lens.command and lens.command.title or '')
      end
      local all = table.concat(titles, '\n')
      return all:find('gen 2') and all:find('2 requests')
    end)
  else
    t.say('lens: the server has none')
  end

  -- A panic stands where it happened until the code is replaced.
  line = replace('fmt.Fprintln(w, time.Now().Format(time.RFC1123))', 'panic("no time: " + time.Now().String())')
  vim.cmd('silent write')
  t.wait('panic: generation 3 is live', live(3))
  local status = get(url, '/time')
  t.equal('status', status, 500)
  d = t.wait('panic: ANV011 at its line', found('ANV011'))
  t.equal('where', { d.lnum, d.severity }, { line, vim.diagnostic.severity.ERROR })
  t.matches('what', d.message, 'no time: ')
  t.wait('panic: in the status line', function()
    return anvil.statusline(buf):find('1 problem')
  end)
  replace('panic("no time: " + time.Now().String())', 'fmt.Fprintln(w, time.Now().Format(time.RFC1123))')
  vim.cmd('silent write')
  t.wait('panic: mended', live(4))
  t.wait('panic: no diagnostic any more', gone('ANV011'))
  t.equal('status', (get(url, '/time')), 200)

  -- A compile error is left to gopls where Neovim runs it, and told where not.
  local last_generation = 4
  if vim.env.ANVIL_TEST_GOPLS then
    local function state(name)
      return function()
        return anvil.status(buf).state == name
      end
    end
    vim.cmd('split main.go')
    vim.bo.filetype = 'go'
    local other = vim.api.nvim_get_current_buf()
    vim.cmd('wincmd p')
    local typed = 0
    -- Waits for something while text is typed into another file: whether gopls runs
    -- is asked then, and what was found counts for a while. A compile error stays
    -- as long as its own file is what was compiled.
    local function typing(what, ok)
      t.wait(what, function()
        if vim.loop.now() - typed > 500 then
          vim.api.nvim_buf_set_lines(other, -1, -1, false, { '//' })
          typed = vim.loop.now()
        end
        return state('kept')() and ok()
      end)
    end
    replace('time.RFC1123', '17')
    vim.cmd('silent write')
    t.wait('without gopls: ANV009', found('ANV009'))
    local gopls = vim.fn.jobstart({ vim.env.ANVIL_TEST_GOPLS })
    typing('beside gopls: no ANV009', gone('ANV009'))
    vim.fn.jobstop(gopls)
    typing('gopls has ended: ANV009', found('ANV009'))
    vim.cmd('bwipeout! ' .. other)
    replace('Format(17)', 'Format(time.RFC1123)')
    vim.cmd('silent write')
    t.wait('mended', function()
      return state('live')() and gone('ANV009')()
    end)
    last_generation = anvil.status(buf).generation
  end

  -- Commands.
  vim.cmd('Anvil rollback 2')
  t.wait('rollback', live(2))
  vim.cmd('Anvil restart')
  local s = t.wait('restart', live(last_generation + 1))
  t.equal('restarts', s.counts.restarts, 1)
  t.equal('the same address', s.url, url)
  _, body = get(url, '/')
  t.matches('what was in memory is gone', body, '^Welcome! Visit 1,')
  vim.cmd('Anvil routes')
  t.wait('routes', function()
    return vim.fn.getqflist({ title = 1 }).title == 'anvil routes'
  end)
  t.equal('routes', #vim.fn.getqflist(), 2)
  t.matches('first', vim.fn.getqflist()[1].text, '^GET    /  ')

  -- The end of the editor is the end of the application.
  require('anvil.compat').stop(client)
  t.wait('the application has ended', function()
    return get(url, '/') == nil
  end)
  t.equal('messages', messages, {})
end)
