// SPDX-License-Identifier: MIT
// streams_http.test.mjs: what the handshake revisions promise of streams and sessions over HTTP, with raw requests: a
// broken connection is no cancel, the rest of a stream can be asked for, sessions begin and end. Run by ctest:
// node --test, with FIXTURE (the program).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { serve_fixture, stop } from './fixture/servers.mjs';

let server;
before(async () => (server = await serve_fixture(process.env.FIXTURE)));
after(async () => assert.equal(await stop(server.child), 0));

const accept = 'application/json, text/event-stream';
let last = 0;

async function initialize(revision = '2025-11-25') {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: accept },
    body: JSON.stringify({ jsonrpc: '2.0', id: ++last, method: 'initialize', params }),
  });
  const { result } = await response.json();
  assert.equal(result.protocolVersion, revision);
  const headers = { 'Mcp-Session-Id': response.headers.get('mcp-session-id'), 'MCP-Protocol-Version': revision };
  assert.match(headers['Mcp-Session-Id'], /^[\x21-\x7e]{16,}$/);
  const session = {
    headers,
    send: (body, options) =>
      fetch(server.url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: accept, ...headers },
        body: JSON.stringify(body),
        ...options,
      }),
    request: (method, request_params = {}, options) =>
      session.send({ jsonrpc: '2.0', id: ++last, method, params: request_params }, options),
    get: (id, options) =>
      fetch(server.url, {
        headers: { Accept: 'text/event-stream', ...headers, ...(id && { 'Last-Event-ID': id }) },
        ...options,
      }),
  };
  assert.equal((await session.send({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
  return session;
}

/** The events of a stream: id, data, retry. */
async function* events(response) {
  assert.match(response.headers.get('content-type'), /^text\/event-stream/);
  let text = '';
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const event = {};
      for (const line of text.slice(0, end).split('\n')) {
        const [, name, value] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
        if (name) event[name] = value;
      }
      yield event;
    }
  }
}
const json = (event) => (event.data ? JSON.parse(event.data) : undefined);

async function rest(response) {
  const all = [];
  for await (const event of events(response)) all.push(event);
  return all;
}

/** The messages from event `id` on, until the answer: coming back as often as it takes. */
async function from(session, id) {
  const all = [];
  while (!all.at(-1)?.result) {
    for await (const event of events(await session.get(id))) {
      if (event.id) id = event.id;
      if (event.data) all.push(json(event));
    }
  }
  return all;
}

test('a call whose connection breaks goes on, and the rest of its stream can be asked for', async () => {
  const session = await initialize();
  await session.request('logging/setLevel', { level: 'debug' });
  const stop = new AbortController();
  const response = await session.request('tools/call', { name: 'test_reconnection' }, { signal: stop.signal });
  const stream = events(response);
  const { value: priming } = await stream.next();
  assert.ok(priming.id, 'the first event has an id and no data');
  assert.equal(priming.data ?? '', '');
  let first;
  do first = (await stream.next()).value;
  while (!first.data);
  assert.equal(json(first).params.data, 'The call has begun');
  stop.abort();
  const after_first = await from(session, first.id);
  assert.equal(after_first.length, 1, 'what was received is not sent again');
  assert.match(after_first[0].result.content[0].text, /here is the result/);
  const all = await from(session, priming.id);
  assert.equal(all.length, 2, 'a stream that has ended can be read again from its beginning');
});

test('a connection that was kept long enough ends, and the client comes back for the answer', async () => {
  const session = await initialize();
  const response = await session.request('tools/call', { name: 'test_reconnection' });
  const [priming, ...more] = await rest(response);
  assert.ok(priming.id);
  assert.deepEqual(more.map(json).filter((message) => message && 'id' in message), [], 'nothing is answered yet');
  assert.ok([priming, ...more].some((event) => Number(event.retry) > 0), 'it is told when to come back');
  assert.match((await from(session, priming.id)).at(-1).result.content[0].text, /here is the result/);
});

test('a client that comes back before its broken connection is noticed gets the rest all the same', async () => {
  const session = await initialize();
  await session.request('logging/setLevel', { level: 'debug' });
  const stop = new AbortController();
  const old = events(await session.request('tools/call', { name: 'test_reconnection' }, { signal: stop.signal }));
  const { value: priming } = await old.next();
  const again = from(session, priming.id);
  setImmediate(() => stop.abort());
  assert.match((await again).at(-1).result.content[0].text, /here is the result/);
});

test('another session never sees the events of a stream', async () => {
  const [mine, other] = [await initialize(), await initialize()];
  await mine.request('logging/setLevel', { level: 'debug' });
  const seen = await rest(await mine.request('tools/call', { name: 'test_tool_with_logging' }));
  const stop = new AbortController();
  const foreign = await other.get(seen[0].id, { signal: stop.signal });
  if (foreign.status === 200) {
    const { value } = await events(foreign).next();
    assert.equal(json(value), undefined);
  }
  stop.abort();
});

test('what belongs to no request comes on the GET stream', async () => {
  const session = await initialize();
  const stop = new AbortController();
  const stream = events(await session.get(undefined, { signal: stop.signal }));
  await session.request('resources/subscribe', { uri: 'test://watched-resource' });
  await session.request('tools/call', { name: 'test_trigger_resource_update' });
  let heard;
  do heard = json((await stream.next()).value);
  while (!heard);
  assert.deepEqual([heard.method, heard.params.uri], ['notifications/resources/updated', 'test://watched-resource']);
  stop.abort();
});

test('a session ends with DELETE, and is unknown from then on', async () => {
  const session = await initialize();
  assert.equal((await session.request('ping')).status, 200);
  const gone = await fetch(server.url, { method: 'DELETE', headers: session.headers });
  assert.ok([200, 204].includes(gone.status));
  assert.equal((await session.request('ping')).status, 404);
  assert.equal((await session.get()).status, 404);
  assert.equal((await fetch(server.url, { method: 'DELETE', headers: session.headers })).status, 404);
});

test('a body of 2025-03-26 may be an array, whose answers come together', async () => {
  const session = await initialize('2025-03-26');
  const call = (id, name) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } });
  const response = await session.send([
    call('a', 'test_simple_text'), { jsonrpc: '2.0', method: 'notifications/none' }, call('b', 'test_tool_with_progress'),
    { jsonrpc: '2.0', id: 'c', method: 'no/such/method' },
  ]);
  assert.equal(response.status, 200);
  const answers = await response.json();
  assert.deepEqual(answers.map((each) => each.id).sort(), ['a', 'b', 'c']);
  assert.equal(answers.find((each) => each.id === 'c').error.code, -32601);
  const newer = await initialize('2025-06-18');
  assert.equal((await newer.send([call('d', 'test_simple_text')])).status, 400);
});

test('a page that may call can read its greeting; who cannot be greeted is told of no session', async () => {
  const greet = (params) => fetch(server.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: accept, Origin: 'http://localhost:3000' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }),
  });
  const [greeted, refused] = await Promise.all([greet({ protocolVersion: '2025-11-25' }), greet({})]);
  for (const response of [greeted, refused]) {
    assert.equal(response.headers.get('access-control-allow-origin'), 'http://localhost:3000');
    assert.match(response.headers.get('access-control-expose-headers'), /Mcp-Session-Id/);
  }
  assert.ok(greeted.headers.get('mcp-session-id'));
  assert.equal(refused.headers.get('mcp-session-id'), null);
  assert.equal((await refused.json()).error.code, -32602);
});

test('requests that cannot be taken are refused with the reason', async () => {
  const session = await initialize();
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
  const post = (headers, body = ping) =>
    fetch(server.url, {
      method: 'POST', headers: { 'Content-Type': 'application/json', Accept: accept, ...session.headers, ...headers }, body,
    });
  for (const [status, headers, body] of [
    [415, { 'Content-Type': 'text/plain' }], [406, { Accept: 'application/json' }], [403, { Origin: 'https://evil.example' }],
    [400, { 'MCP-Protocol-Version': '1999-01-01' }], [404, { 'Mcp-Session-Id': 'unknown-unknown-unknown' }],
    [400, {}, '{"jsonrpc":"2.0",'], [400, {}, '[]'], [400, {}, '7'],
  ]) {
    const response = await post(headers, body);
    assert.equal(response.status, status, JSON.stringify([headers, body]));
    assert.ok((await response.json()).error.message.length > 10);
  }
  assert.equal((await fetch(server.url.replace('/mcp', '/other'), { method: 'POST', body: ping })).status, 404);
  assert.equal((await fetch(server.url, { method: 'PUT', body: ping })).status, 405);
  assert.equal((await fetch(server.url)).status, 405);
});
