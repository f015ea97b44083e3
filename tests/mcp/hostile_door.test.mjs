// SPDX-License-Identifier: MIT
// hostile_door.test.mjs: the program's HTTP door and clients that are many, slow, huge or broken: what they cost it, and
// that others are served meanwhile. Run by ctest: node --test, with MEANTIME (the program), and SANITIZED where its
// memory says nothing.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { serve_configuration, stop } from './fixture/servers.mjs';

const folder = mkdtempSync(join(tmpdir(), 'meantime-hostile-'));
const measures_memory = !process.env.SANITIZED;
let door;
let address;
before(async () => {
  const file = join(folder, 'meantime.toml');
  writeFileSync(file, `[tools.hello]\ndescription = "Says hello."\ncommand = ["echo", "hello"]\n
[http.limits]\nhead_time = "1s"\n`);
  door = await serve_configuration(process.env.MEANTIME, file);
  address = { host: '127.0.0.1', port: Number(new URL(door.url).port) };
});
after(async () => {
  assert.equal(await stop(door.child), 0);
  rmSync(folder, { recursive: true });
});

const resident = () => {
  const status = readFileSync(`/proc/${door.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)[1]) * 1024;
};
const marks = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {},
};
const call = JSON.stringify({
  jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'hello', _meta: marks },
});
const head = (length, more = '') =>
  'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n' +
  'Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n' +
  `Mcp-Name: hello\r\n${more}Content-Length: ${length}\r\n\r\n`;

/** A connection: all that it ever brings is in `all` when it has ended. */
async function connection(options = {}) {
  const socket = dial({ ...address, ...options });
  socket.setEncoding('latin1');
  socket.on('error', () => {}); // a reset is an end, too
  socket.all = '';
  socket.on('data', (text) => (socket.all += text));
  socket.over = once(socket, 'close');
  await Promise.race([once(socket, 'connect'), socket.over]);
  return socket;
}

/** Sends something and gives all that comes until the server closes. */
async function say(text) {
  const socket = await connection();
  socket.write(text);
  await socket.over;
  return socket.all;
}
const ends = 'Connection: close\r\n';
async function is_served() {
  assert.match(await say(head(call.length, ends) + call), /^HTTP\/1\.1 200 OK\r\n[^]*"text":"hello\\n"/);
}

test('ten thousand idle connections cost little, and others are served', async (t) => {
  // One descriptor each here, and one there; both sides have the same limit.
  const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || 1_000_000;
  const many = Math.min(10_000, limit - 200);
  if (many < 10_000) t.diagnostic(`ulimit -n is ${limit}: ${many} connections in place of 10,000`);
  await is_served();
  const before_them = resident();
  const sockets = [];
  while (sockets.length < many) {
    const batch = Array.from({ length: Math.min(250, many - sockets.length) }, () => connection());
    sockets.push(...(await Promise.all(batch)));
  }
  await is_served();
  const each = (resident() - before_them) / many;
  t.diagnostic(`${Math.round(each)} bytes of memory for each of ${many}`);
  if (measures_memory) assert.ok(each <= 10_240, `${each} bytes for each connection`);
  assert.equal(sockets.filter((socket) => socket.closed).length, 0);
  sockets.at(-1).write(head(call.length, ends) + call);
  await sockets.at(-1).over;
  assert.match(sockets.at(-1).all, /^HTTP\/1\.1 200 /, 'one that was idle is served when it speaks');
  for (const socket of sockets) socket.destroy();
  await Promise.all(sockets.map((socket) => socket.over));
  await is_served();
});

test('connections over the limit are told so, and those within it are served', async () => {
  const file = join(folder, 'narrow.toml');
  writeFileSync(file, '[http.limits]\nconnections = 20\n');
  const narrow = await serve_configuration(process.env.MEANTIME, file);
  const port = Number(new URL(narrow.url).port);
  const within = await Promise.all(Array.from({ length: 20 }, () => connection({ port })));
  const over = await connection({ port });
  await over.over;
  assert.match(over.all, /^HTTP\/1\.1 503 /);
  within[7].write('GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await within[7].over;
  assert.match(within[7].all, /^HTTP\/1\.1 405 /);
  for (const socket of within) socket.destroy();
  assert.equal(await stop(narrow.child), 0);
});

test('a thousand heads that never end are cut off, and others are served', async () => {
  const slow = await Promise.all(Array.from({ length: 1_000 }, () => connection()));
  const text = head(call.length);
  let at = 0;
  // Byte by byte, which is no reason to wait longer.
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.writable) socket.write(text[at % 20]);
    ++at;
  }, 100);
  await is_served();
  await Promise.all(slow.map((socket) => socket.over));
  clearInterval(drip);
  // What came after the answer may have reset the connection before the answer was read.
  const told = slow.filter((socket) => socket.all.startsWith('HTTP/1.1 408 Request Timeout\r\n'));
  assert.ok(told.length > 0);
  assert.deepEqual(slow.filter((socket) => socket.all !== '' && !told.includes(socket)).map((socket) => socket.all), []);
  await is_served();
});

test('a gigabyte is refused before it is sent', async () => {
  const before_it = resident();
  assert.match(await say(head(1 << 30)), /^HTTP\/1\.1 413 [^]*Connection: close\r\n/);
  assert.match(await say(head(1 << 30, 'Expect: 100-continue\r\n')), /^HTTP\/1\.1 413 /);
  if (measures_memory) assert.ok(resident() - before_it < 4 << 20);
});

test('a gigabyte that is sent all the same is not taken', async () => {
  const before_it = resident();
  const socket = await connection();
  socket.write(head(0).replace('Content-Length: 0', 'Transfer-Encoding: chunked'));
  const piece = Buffer.from(`100000\r\n${'x'.repeat(1 << 20)}\r\n`);
  let sent = 0;
  while (sent < 1 << 30 && socket.writable) {
    sent += 1 << 20;
    // A reset while it waits is an end, too: `over` tells of it.
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain').catch(() => socket.over), socket.over]);
  }
  await socket.over;
  assert.ok(sent < 256 << 20, `${sent} bytes were taken`);
  if (measures_memory) assert.ok(resident() - before_it < 160 << 20, `${resident() - before_it} bytes of memory`);
  await is_served();
});

test('JSON deeper than 512 levels is refused, whatever it is', async () => {
  for (const depth of [513, 100_000]) {
    for (const [open, close] of [['[', ']'], ['{"a":', '}']]) {
      const deep = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":` +
        `${open.repeat(depth)}1${close.repeat(depth)}}}`;
      const answer = await say(head(deep.length, ends) + deep);
      assert.match(answer, /^HTTP\/1\.1 400 [^]*"code":-32700/, `${depth} times ${open}`);
    }
  }
  const never_closed = '['.repeat(1_000_000);
  assert.match(await say(head(never_closed.length, ends) + never_closed), /^HTTP\/1\.1 400 [^]*"code":-32/);
  await is_served();
});

test('too many headers, and too long ones, are refused', async () => {
  const many = Array.from({ length: 100 }, (_, i) => `X-${i}: y\r\n`).join('');
  assert.match(await say(head(call.length, many) + call), /^HTTP\/1\.1 431 /);
  assert.match(await say(head(call.length, `X: ${'y'.repeat(20_000)}\r\n`) + call), /^HTTP\/1\.1 431 /);
  const name = `Mcp-Name: ${'n'.repeat(10_000)}\r\n`;
  assert.match(await say(head(call.length, name + ends) + call), /^HTTP\/1\.1 400 [^]*"code":-32020/);
  await is_served();
});

test('half a request and an end, half a connection, a reset: nothing is left', async () => {
  const text = head(call.length) + call;
  for (let i = 0; i < text.length; i += 7) {
    const socket = await connection({ allowHalfOpen: true });
    socket.write(text.slice(0, i));
    if (i % 2) socket.resetAndDestroy();
    else socket.end();
    await socket.over;
    assert.ok(socket.all === '' || /^HTTP\/1\.1 400 /.test(socket.all), socket.all);
  }
  const whole = await connection({ allowHalfOpen: true });
  const [done] = [once(whole, 'end')];
  whole.end(text);
  await done;
  await is_served();
});
