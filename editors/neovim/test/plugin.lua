-- The plugin against a small server that answers what the test expects. Run by
-- neovim_test.go, with the directory of an application as current directory.
local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h')
vim.opt.runtimepath:prepend(vim.fn.fnamemodify(here, ':h'))
package.path = here .. '/?.lua;' .. package.path
local t = require('harness')

t.run(function()
  local messages = t.messages()
  local opened = {}
  local anvil = require('anvil')
  t.equal('status line without a server', anvil.statusline(), '')
  vim.cmd('Anvil reload')
  t.matches('without a server', messages[1].text, 'no server runs')

  anvil.setup({
    cmd = { vim.env.ANVIL_TEST_SERVER },
    settings = { onSave = 'noErrors' },
    open = function(url)
      table.insert(opened, url)
    end,
  })
  local function shown(event)
    local n = 0
    vim.api.nvim_create_autocmd('User', {
      pattern = event,
      callback = function()
        n = n + 1
      end,
    })
    return function()
      return n > 0
    end
  end
  local told = shown('AnvilStatus')

  vim.cmd('edit handlers/routes.go')
  vim.bo.filetype = 'go' -- as filetype detection does, so it happens twice
  local buf = vim.api.nvim_get_current_buf()
  t.wait('status', function()
    return told() and anvil.status()
  end)
  t.equal('state', anvil.status().state, 'live')
  t.equal('status line', anvil.statusline(), 'anvil gen 3 64 ms')
  local client = assert(anvil.client())
  t.equal('root', client.config.root_dir, vim.fn.getcwd())
  t.equal('position encodings', client.config.capabilities.general.positionEncodings, { 'utf-16' })
  local was = anvil.status()
  for ms, shown in pairs({ [999] = '999 ms', [1000] = '1.0 s', [29201] = '29.2 s' }) do
    require('anvil.status').set(client.id, vim.tbl_extend('force', was, { lastMs = ms }))
    t.equal('a long save', anvil.statusline(), 'anvil gen 3 ' .. shown)
  end
  require('anvil.status').set(client.id, was)

  local function lens()
    local all = vim.lsp.codelens.get(buf)
    return all[1] and all[1].command and all[1].command.title
  end
  t.wait('lens', function()
    return lens() == 'gen 3'
  end)

  vim.cmd('Anvil reload')
  t.wait('reload', function()
    return anvil.status().generation == 4
  end)
  t.wait('the lens after workspace/codeLens/refresh', function()
    return lens() == 'gen 4'
  end)
  vim.lsp.codelens.run()
  t.wait('a lens that is run', function()
    return opened[1]
  end)
  t.equal('URL', opened[1], 'http://127.0.0.1:8080/')

  -- Lenses that show something instead of doing something.
  for i, name in ipairs({ 'anvil://log', 'quickfix' }) do
    local generation = 4 + i
    vim.cmd('Anvil reload')
    t.wait('the lens for ' .. name, function()
      return lens() == 'gen ' .. generation
    end)
    vim.lsp.codelens.run()
    t.wait('a lens that shows ' .. name, function()
      return vim.api.nvim_buf_get_name(0) == name or vim.bo.buftype == name
    end)
    vim.cmd('close')
  end

  vim.cmd('Anvil rollback 2')
  t.wait('rollback', function()
    return anvil.status().generation == 2
  end)
  t.equal('status line', anvil.statusline(), 'anvil gen 2 64 ms')
  vim.cmd('Anvil pause')
  t.wait('pause', function()
    return anvil.statusline() == 'anvil gen 2 kept 2 problems paused'
  end)
  vim.cmd('Anvil resume')
  t.wait('resume', function()
    return not anvil.status().paused
  end)

  vim.cmd('Anvil routes')
  t.wait('routes', function()
    return vim.fn.getqflist({ title = 1 }).title == 'anvil routes'
  end)
  local list = vim.fn.getqflist()
  t.equal('lines', { list[1].lnum, list[2].lnum }, { 4, 5 })
  t.equal('file', vim.fn.bufname(list[1].bufnr), 'handlers/routes.go')
  t.equal('first', list[1].text, 'GET    /  handlers.home  12 requests, 1 error, p50 1.81 ms, last 500  last panic: oops')
  t.equal('second', list[2].text, 'GET    /posts/{id}  handlers.show  not live yet')
  t.equal('a route of a mounted handler, registered nowhere', { list[3].bufnr, list[3].text }, { 0, 'GET    /p/{id:[0-9]{4}}/x/*  shop.show  no requests' })
  vim.cmd('cclose')

  vim.cmd('Anvil open /')
  t.wait('open', function()
    return opened[2]
  end)
  local prompts, answers = {}, {}
  vim.ui.input = function(options, done)
    table.insert(prompts, options.prompt)
    done(answers[#prompts])
  end
  local function select(choice)
    vim.ui.select = function(items, options, done)
      t.equal('choices', vim.tbl_map(options.format_item, items), {
        '/  app',
        '/posts/{id}  app',
        '/p/{id:[0-9]{4}}/x/*  shop',
      })
      done(items[choice])
    end
  end
  answers = { 'a b/{c}%' }
  select(2)
  vim.cmd('Anvil open')
  t.wait('open with a parameter', function()
    return opened[3]
  end)
  t.equal('prompts', prompts, { '/posts/{id}  id = ' })
  -- An expression with braces of its own, in another application.
  prompts, answers = {}, { '2026', 'ä/*' }
  select(3)
  vim.cmd('Anvil open')
  t.wait('open with two parameters', function()
    return opened[4]
  end)
  t.equal('prompts', prompts, { '/p/{id:[0-9]{4}}/x/*  id = ', '/p/2026/x/*  * = ' })
  t.equal('URLs', opened, {
    'http://127.0.0.1:8080/',
    'http://127.0.0.1:8080/',
    'http://127.0.0.1:8080/posts/a%20b%2F%7Bc%7D%25',
    'http://127.0.0.1:8081/p/2026/x/%C3%A4/%2A',
  })

  for verb, text in pairs({ diff = '+ GET /new', log = 'listening' }) do
    vim.cmd('Anvil ' .. verb)
    t.wait(verb, function()
      return vim.api.nvim_buf_get_name(0) == 'anvil://' .. verb
    end)
    t.equal(verb, vim.api.nvim_buf_get_lines(0, 0, -1, false), { text })
    t.equal('modifiable', vim.bo.modifiable, false)
    vim.cmd('close')
  end

  local complete = function(line)
    return vim.fn.getcompletion(line, 'cmdline')
  end
  t.equal('verbs', complete('Anvil r'), { 'reload', 'restart', 'resume', 'rollback', 'routes' })
  t.equal('generations', complete('Anvil rollback '), { '1' })
  t.equal('patterns', complete('Anvil open /p'), { '/posts/{id}', '/p/{id:[0-9]{4}}/x/*' })

  for command, complaint in pairs({
    ['Anvil nonsense'] = 'is unknown; there are: diff, log, open, pause',
    ['Anvil rollback x'] = 'is no number',
    ['Anvil reload now'] = 'too many arguments',
    ['Anvil restart'] = 'anvil: go vet says no', -- the server's error
  }) do
    local before = #messages
    vim.cmd(command)
    t.wait(command, function()
      return messages[before + 1]
    end)
    t.matches(command, messages[before + 1].text, complaint)
  end

  vim.cmd('help anvil')
  t.matches('help', vim.api.nvim_buf_get_name(0), '/editors/neovim/doc/anvil.txt$')
  vim.cmd('bdelete')

  vim.cmd('checkhealth anvil')
  local report = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
  for _, part in ipairs({ 'Neovim %d', 'client %d+ in /', 'kept, generation 2', 'go version' }) do
    t.matches('checkhealth', report, part)
  end
  vim.cmd('bdelete')

  -- A second buffer joins the same server; what is no file of a module does not.
  vim.cmd('edit handlers/other.go')
  vim.bo.filetype = 'go'
  t.wait('the second buffer', function()
    return vim.lsp.buf_is_attached(0, client.id)
  end)
  vim.cmd('enew')
  vim.bo.filetype = 'go'
  t.equal('a buffer without a file', anvil.start(0), nil)

  -- Nor what other people wrote.
  local required = vim.env.GOMODCACHE .. '/example.com/required@v1.0.0/a.go'
  local library = vim.trim(vim.fn.system({ 'go', 'env', 'GOROOT' })) .. '/src/fmt/print.go'
  for _, file in ipairs({ required, library }) do
    t.equal(file .. ' exists', vim.fn.filereadable(file), 1)
    vim.cmd('edit ' .. vim.fn.fnameescape(file))
    vim.bo.filetype = 'go'
    t.equal('server for ' .. file, anvil.start(0), nil)
  end
  local roots = {} -- as vim.lsp.enable() asks for them
  for _, file in ipairs({ required, library, 'handlers/other.go' }) do
    vim.cmd('edit ' .. vim.fn.fnameescape(file))
    anvil.lsp_config().root_dir(vim.api.nvim_get_current_buf(), function(dir)
      table.insert(roots, dir)
    end)
  end
  t.equal('roots', roots, { vim.fn.getcwd() })
  t.equal('clients', #require('anvil.compat').clients('anvil'), 1)

  -- A buffer of another module. The only server that is known is not its own.
  local other = vim.fn.fnamemodify(vim.fn.getcwd(), ':h') .. '/other'
  vim.cmd('noautocmd edit ' .. vim.fn.fnameescape(other .. '/o.go'))
  t.equal('the only one', anvil.client(), client)
  vim.cmd('Anvil start')
  t.wait('a server of its own', function()
    return anvil.status() and anvil.status().folder == vim.uri_from_fname(other)
  end)
  local second, before = anvil.client(), #messages
  vim.cmd('Anvil start')
  t.wait('the server is asked to start the application', function()
    return messages[before + 1]
  end)
  t.matches('its answer', messages[before + 1].text, 'go vet says no')
  require('anvil.compat').stop(second)
  t.wait('the end of the second server', function()
    return anvil.client() == client
  end)

  require('anvil.compat').stop(client)
  t.wait('the end of the server', function()
    return anvil.status() == nil
  end)
end)
