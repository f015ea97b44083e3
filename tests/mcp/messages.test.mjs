// SPDX-License-Identifier: MIT
// messages.test.mjs: each row of messages/server.txt, good and bad messages of every revision, through the stdio door and
// the HTTP door of a server: what comes back is compared to the letter. Run by ctest: node --test, with FIXTURE (the
// program). With WRITE set it writes what came back into the table, to be read before it is kept.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as http_request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve_fixture, start, stop } from './fixture/servers.mjs';
import { normalised, read_table, write_table } from './messages/table.mjs';

const table = read_table(join(dirname(fileURLToPath(import.meta.url)), 'messages/server.txt'));
const writes = Boolean(process.env.WRITE);
const folder = mkdtempSync(join(tmpdir(), 'meantime-messages-'));
const store = `sqlite:${join(folder, 'tasks.db')}`;
const revisions = ['none', '2025-03-26', '2025-06-18', '2025-11-25'];
const hello = (revision) => JSON.stringify({
  jsonrpc: '2.0', id: 'hello', method: 'initialize',
  params: { protocolVersion: revision, capabilities: { elicitation: {} }, clientInfo: { name: 'table', version: '1' } },
});
const ready = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const came = new Map(table.rows.map((row) => [row, {}]));

/** A server on pipes, in one state. */
class Pipe {
  constructor() {
    this.child = start(process.env.FIXTURE, ['--stdio', '--store', store], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = [];
    this.asked = 0;
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      // Of the tasks made below, and of what was registered when the server began.
      if (/"method":"notifications\/(tasks\/status|\w+\/list_changed)"/.test(line)) return;
      this.lines.push(line);
      this.on_line?.();
    });
  }
  async until(condition) {
    this.given_up = false;
    const late = setTimeout(() => this.on_line?.((this.given_up = true)), 10_000);
    while (!condition() && !this.given_up) await new Promise((resolve) => (this.on_line = resolve));
    clearTimeout(late);
  }
  /** All that comes for these messages, and at least `wanted` lines: what is not answered is known by a ping's answer. */
  async say(messages, wanted) {
    const ping = `"ping-${++this.asked}"`;
    for (const [at, message] of messages.entries()) {
      const before_it = this.lines.length;
      this.child.stdin.write(Buffer.concat([message, Buffer.from('\n')]));
      if (at + 1 < messages.length) await this.until(() => this.lines.length > before_it);
    }
    this.child.stdin.write(`{"jsonrpc":"2.0","id":${ping},"method":"ping"}\n`);
    const pong = `{"jsonrpc":"2.0","id":${ping},"result":{}}`;
    await this.until(() => this.lines.includes(pong) && this.lines.length > wanted);
    // What is not expected yet may take its time.
    if (writes) await new Promise((resolve) => setTimeout(resolve, /seconds|progress/.test(messages.join()) ? 600 : 30));
    return this.lines.splice(0).filter((line) => line !== pong);
  }
  async end() {
    this.child.stdin.end();
    return this.child.over;
  }
}

/** One exchange: resolves when the answer's head is there, with { status, headers, body: Promise }. */
async function exchange(url, verb, headers, body) {
  const flat = Object.entries(headers).filter(([, value]) => value !== null);
  const request = http_request(url, { method: verb, agent: false });
  for (const [name, value] of flat) request.setHeader(name, value);
  request.end(body);
  const [response] = await once(request, 'response');
  response.setEncoding('utf8');
  let text = '';
  response.on('data', (more) => (text += more));
  return { status: response.statusCode, headers: response.headers, body: once(response, 'end').then(() => text) };
}

let http;
const pipes = {};
const sessions = {};
const known = {};
const accept = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };

before(async () => {
  http = await serve_fixture(process.env.FIXTURE, store);
  for (const revision of revisions) {
    pipes[revision] = new Pipe();
    if (revision === 'none') continue;
    await pipes[revision].say([Buffer.from(hello(revision)), Buffer.from(ready)], 1);
    const greeting = await exchange(http.url, 'POST', accept, hello(revision));
    await greeting.body;
    sessions[revision] = { 'Mcp-Session-Id': greeting.headers['mcp-session-id'], 'MCP-Protocol-Version': revision };
    await (await exchange(http.url, 'POST', { ...accept, ...sessions[revision] }, ready)).body;
  }
  const pipe = pipes['2025-11-25'];
  const ask = async (method, params) => {
    pipe.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: method, method, params })}\n`);
    let answer;
    await pipe.until(() => (answer = pipe.lines.map((line) => JSON.parse(line)).find((each) => each.id === method)));
    pipe.lines.length = 0;
    return answer.result;
  };
  const make = async (seconds) =>
    (await ask('tools/call', { name: 'slow_compute', arguments: { seconds, label: 'x' }, task: {} })).task.taskId;
  known.$DONE = await make(0);
  await ask('tasks/result', { taskId: known.$DONE });
  known.$CANCELLED = await make(60);
  await ask('tasks/cancel', { taskId: known.$CANCELLED });
});
after(async () => {
  for (const revision of revisions) assert.equal(await pipes[revision].end(), 0);
  assert.equal(await stop(http.child), 0);
  rmSync(folder, { recursive: true });
  if (writes) write_table(table, came);
});

const filled = (row) =>
  row.messages.map((message) => Buffer.from(message.toString('latin1').replace(/\$(DONE|CANCELLED)\b/g,
    (word) => known[word]), 'latin1'));

/** The headers that a client of 2026-07-28 sends with this message. */
function modern_headers(message) {
  try {
    const { method, params } = JSON.parse(message);
    const named = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }[method] ??
      (method.startsWith('tasks/') ? 'taskId' : undefined);
    return {
      'MCP-Protocol-Version': '2026-07-28',
      'Mcp-Method': method,
      ...(named && typeof params[named] === 'string' && { 'Mcp-Name': params[named] }),
    };
  } catch {
    return {};
  }
}
const events = (body) => body.split('\n').filter((line) => /^data: ?./.test(line)).map((line) => line.slice(6)).join(' ');

async function over_http(row, state) {
  const open = [];
  for (const message of filled(row)) {
    const stateless = state === 'none' && message.includes('"io.modelcontextprotocol/');
    const usual = { ...accept, ...(stateless ? modern_headers(message) : sessions[state]) };
    const headers = Object.fromEntries(Object.entries(row.head ?? {}).map(([name, value]) =>
      [name, value === '$SESSION' ? sessions['2025-11-25']['Mcp-Session-Id'] : value]));
    const url = row.path ? new URL(row.path, http.url) : http.url;
    const verb = row.verb ?? 'POST';
    open.push(await exchange(url, verb, { ...usual, ...headers }, verb === 'POST' ? message : undefined));
  }
  return Promise.all(open.map(async ({ status, headers, body }) => {
    const text = await body;
    const stream = headers['content-type']?.startsWith('text/event-stream');
    return normalised(`${status} ${stream ? events(text) : text}`.trim());
  }));
}
const over_stdio = async (row, state) => (await pipes[state].say(filled(row), row.stdio.length)).map(normalised);

for (const [door, run] of [['stdio', over_stdio], ['http', over_http]]) {
  describe(`through ${door}`, () => {
    for (const row of table.rows.filter(({ only }) => !only || only === door)) {
      for (const state of row.in) {
        test(`${row.name} (${state})`, async () => {
          const answers = await run(row, state);
          if (writes && state === row.in[0]) came.get(row)[door] = row[door] = answers;
          assert.deepEqual(answers, row[door]);
        });
      }
    }
  });
}

test('the table is long enough, and has every method of every revision', () => {
  assert.ok(table.rows.length >= 120, `${table.rows.length} rows`);
  const sent = table.rows.flatMap((row) => row.messages).join('\n');
  for (const method of ['initialize', 'ping', 'server/discover', 'tools/list', 'tools/call', 'resources/list',
    'resources/templates/list', 'resources/read', 'resources/subscribe', 'resources/unsubscribe', 'prompts/list',
    'prompts/get', 'completion/complete', 'logging/setLevel', 'tasks/get', 'tasks/result', 'tasks/list', 'tasks/cancel',
    'tasks/update', 'subscriptions/listen']) {
    assert.ok(sent.includes(`"method":"${method}"`), method);
  }
});
