// SPDX-License-Identifier: MIT
// golden.test.mjs: one whole session of each revision through each door, compared byte by byte with messages/golden/*,
// ids and times as words. Run by ctest: node --test, with FIXTURE (the program). With WRITE set the transcripts are
// written, to be read before they are kept.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve_fixture, start, stop } from './fixture/servers.mjs';
import { normalised } from './messages/table.mjs';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'messages/golden');

/** What differs from run to run, as words. */
const plain = (text) =>
  normalised(text)
    .replace(/^([<>] Mcp-Session-Id: )\S+$/gim, '$1...')
    .replace(/^(> Host: localhost:)\d+$/gm, '$1...')
    .replace(/^(< Date: ).+$/gm, '$1...');

/** Message after message; a function is made with what came before: { task, state }. */
const call = (name, args, more) => ['tools/call', { name, ...(args && { arguments: args }), ...more }];
const answers = {
  'elicitation/create': { action: 'accept', content: { confirm: true, name: 'Ann' } },
  'sampling/createMessage': { role: 'assistant', model: 'm', content: { type: 'text', text: 'Paris' } },
  'roots/list': { roots: [{ uri: 'file:///root' }] },
};
const common = [
  ['tools/list'],
  call('test_simple_text'),
  call('test_multiple_content_types'),
  call('test_error_handling'),
  call('greet', {}),
  call('no_such_tool'),
  call('test_tool_with_progress', undefined, { _meta: { progressToken: 'p' } }),
  call('slow_compute', { seconds: 0.5, label: 'later' }),
  ({ task }) => call('await_task', { task_id: task }),
  ({ task }) => call('check_task', { task_id: task }),
  ['resources/list'], ['resources/templates/list'], ['resources/read', { uri: 'test://template/7/data' }],
  ['resources/read', { uri: 'test://none' }],
  ['prompts/list'], ['prompts/get', { name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'b' } }],
  ['completion/complete', {
    ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' },
  }],
];
const handshake = (revision) => [
  ['ping'],
  ['initialize', {
    protocolVersion: revision, capabilities: { elicitation: {}, sampling: {}, roots: {} },
    clientInfo: { name: 'golden', version: '1' },
  }],
  ['notifications/initialized'],
  ...common,
  ['logging/setLevel', { level: 'debug' }],
  call('test_tool_with_logging'),
  call('test_input_required_result_elicitation'),
  call('test_input_required_result_sampling'),
  call('test_input_required_result_list_roots'),
  ['resources/subscribe', { uri: 'test://watched-resource' }],
  ['resources/unsubscribe', { uri: 'test://watched-resource' }],
  ...(revision < '2025-11-25' ? [] : [
    call('greet', { name: 'Ann' }, { task: {} }),
    call('confirm_delete', { filename: 'a.txt' }, { task: { ttl: 60_000 } }),
    ({ task }) => ['tasks/result', { taskId: task }],
    ({ task }) => ['tasks/get', { taskId: task }],
    ({ task }) => ['tasks/cancel', { taskId: task }],
    ['tasks/list'],
  ]),
  ['no/such/method'],
];
const stateless = [
  ['server/discover'],
  ...common,
  call('test_input_required_result_elicitation'),
  ({ state }) => call('test_input_required_result_elicitation', undefined, {
    inputResponses: { user_name: answers['elicitation/create'] }, requestState: state,
  }),
  call('confirm_delete', { filename: 'a.txt' }, { tasks: true }),
  ({ task }) => ['tasks/get', { taskId: task, tasks: true }],
  ({ task }) => ['tasks/update', { taskId: task, inputResponses: { confirm: answers['elicitation/create'] }, tasks: true }],
  ({ task }) => ['subscriptions/listen', { notifications: { toolsListChanged: true, taskIds: [task] }, tasks: true }],
  ({ task }) => ['tasks/get', { taskId: task, tasks: true }],
  ({ task }) => ['tasks/cancel', { taskId: task, tasks: true }],
  ['ping'],
];

/** The script's next message as JSON text. */
function message(step, id, seen, modern) {
  const [method, { tasks, ...params } = {}] = typeof step === 'function' ? step(seen) : step;
  if (modern) {
    params._meta = {
      ...params._meta,
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {
        elicitation: {}, ...(tasks && { extensions: { 'io.modelcontextprotocol/tasks': {} } }),
      },
    };
  }
  const note = method.startsWith('notifications/');
  const has_params = Object.keys(params).length > 0;
  return { method, params, note, text: JSON.stringify({
    jsonrpc: '2.0', ...(!note && { id }), method, ...(has_params && { params }),
  }) };
}
function learn(seen, answer) {
  const { result } = answer;
  const envelope = result?.structuredContent;
  seen.task = result?.taskId ?? result?.task?.taskId ?? envelope?.task_id ?? seen.task;
  seen.state = result?.requestState ?? seen.state;
}
const answer_of = (asked) => JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: answers[asked.method] });
// The last message that a request brings: its answer, or, of a stream that stays open, the task as it is now.
const ends = (method, id, each) =>
  method === 'subscriptions/listen' ? each.method === 'notifications/tasks' : each.id === id && !each.method;

async function over_stdio(steps, modern) {
  const child = start(process.env.FIXTURE, ['--stdio', '--store', 'memory'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const out = [];
  const send = (text) => {
    out.push(`> ${text}`);
    child.stdin.write(`${text}\n`);
  };
  const seen = {};
  for (const [id, step] of steps.entries()) {
    const { method, note, text } = message(step, id, seen, modern);
    send(text);
    for (let over = note; !over;) {
      const { value } = await lines.next();
      out.push(`< ${value}`);
      const each = JSON.parse(value);
      if (each.method in answers) send(answer_of(each));
      learn(seen, each);
      over = ends(method, id, each);
    }
  }
  child.stdin.end();
  out.push(`ended: ${await child.over}`, '');
  return out.join('\n');
}

/** One exchange on a connection of its own: `on_event` hears each event, and says when enough has come. */
async function exchange(port, head, body, on_event) {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.setEncoding('utf8');
  socket.write(`${head}\r\n\r\n${body}`);
  let raw = '';
  let text = '';
  let stream = '';
  for await (const piece of socket) {
    raw += piece;
    const at = raw.indexOf('\r\n\r\n');
    if (at < 0) continue;
    text = raw.slice(0, at);
    const rest = raw.slice(at + 4);
    const length = /Content-Length: (\d+)/i.exec(text);
    if (length ? Buffer.byteLength(rest) >= Number(length[1]) : / (202|204) /.test(text)) {
      stream = rest;
      break;
    }
    if (!/Transfer-Encoding: chunked/i.test(text)) continue;
    const told = stream.length;
    stream = '';
    let over = false;
    for (let left = rest; !over;) {
      const size = /^([0-9a-f]+)\r\n/i.exec(left);
      const bytes = size ? Number.parseInt(size[1], 16) : 0;
      over = Boolean(size) && bytes === 0;
      // The fixture's streams are ASCII: characters are bytes.
      if (!size || left.length < size[0].length + bytes + 2) break;
      stream += left.slice(size[0].length, size[0].length + bytes);
      left = left.slice(size[0].length + bytes + 2);
    }
    const complete = stream.slice(0, stream.lastIndexOf('\n\n') + 2);
    let enough = false;
    for (const event of complete.slice(told).split('\n\n')) enough = on_event(event) || enough;
    if (over || enough) break;
  }
  socket.destroy();
  return `${text}\n\n${stream}`.replace(/\r/g, '');
}

async function over_http(steps, modern) {
  const { child, url } = await serve_fixture(process.env.FIXTURE);
  const port = Number(new URL(url).port);
  const out = [];
  const seen = {};
  let session = '';
  const post = async (text, more, on_event = () => false, meanwhile = []) => {
    const head = ['POST /mcp HTTP/1.1', `Host: localhost:${port}`, 'Content-Type: application/json',
      'Accept: application/json, text/event-stream', ...session, ...more, `Content-Length: ${Buffer.byteLength(text)}`];
    const raw = await exchange(port, head.join('\r\n'), text, on_event);
    await Promise.all(meanwhile); // what was said while the answer came stands before it
    out.push(`> ${head.join('\n> ')}\n>\n> ${text}`, raw.trimEnd().replace(/^/gm, '< ').replace(/ $/gm, ''), '');
    return raw;
  };
  for (const [id, step] of steps.entries()) {
    const { method, params, text } = message(step, id, seen, modern);
    if (method === 'ping' && !modern && session === '') continue; // there is no session yet
    const named = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }[method] ?? 'taskId';
    const more = !modern ? [] : ['MCP-Protocol-Version: 2026-07-28', `Mcp-Method: ${method}`,
      ...(params[named] && method !== 'subscriptions/listen' ? [`Mcp-Name: ${params[named]}`] : [])];
    const asked = [];
    const raw = await post(text, more, (event) => {
      const data = /^data: (.+)$/m.exec(event);
      if (!data) return false;
      const each = JSON.parse(data[1]);
      if (each.method in answers) asked.push(post(answer_of(each), []));
      learn(seen, each);
      return ends(method, id, each);
    }, asked);
    const body = raw.slice(raw.indexOf('\n\n') + 2);
    if (body.startsWith('{')) learn(seen, JSON.parse(body));
    const named_session = /^Mcp-Session-Id: (\S+)$/im.exec(raw);
    if (named_session) {
      session = [`Mcp-Session-Id: ${named_session[1]}`, `MCP-Protocol-Version: ${JSON.parse(body).result.protocolVersion}`];
    }
  }
  if (session) {
    const head = ['DELETE /mcp HTTP/1.1', `Host: localhost:${port}`, ...session];
    const raw = await exchange(port, head.join('\r\n'), '', () => false);
    out.push(`> ${head.join('\n> ')}\n>`, raw.trimEnd().replace(/^/gm, '< ').replace(/ $/gm, ''), '');
  }
  out.push(`ended: ${await stop(child)}`, '');
  return out.join('\n');
}

describe('golden transcripts', { concurrency: true }, () => {
  for (const [door, run] of [['stdio', over_stdio], ['http', over_http]]) {
    for (const revision of ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28']) {
      test(`${revision} over ${door}`, async () => {
        const modern = revision === '2026-07-28';
        const file = join(folder, `${revision}.${door}.txt`);
        const transcript = plain(await run(modern ? stateless : handshake(revision), modern));
        if (process.env.WRITE) writeFileSync(file, transcript);
        assert.equal(transcript, readFileSync(file, 'utf8'));
      });
    }
  }
});
