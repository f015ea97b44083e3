// SPDX-License-Identifier: MIT
// tasks_http.test.mjs: the tasks extension of 2026-07-28 with raw requests, where no client library has it yet: pushes,
// input in the middle of a task, and every method answered by another process than the one that runs the task. Run by
// ctest: node --test, with FIXTURE (the program).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { serve_fixture, stop } from './fixture/servers.mjs';

const version = '2026-07-28';
const tasks = 'io.modelcontextprotocol/tasks';
const subscription = 'io.modelcontextprotocol/subscriptionId';
const folder = mkdtempSync(join(tmpdir(), 'meantime-tasks-'));
const servers = [];

async function serve() {
  const { child, url } = await serve_fixture(process.env.FIXTURE, `sqlite:${join(folder, 'tasks.db')}`);
  servers.push(child);
  return url;
}

let here;
let there;
before(async () => ([here, there] = await Promise.all([serve(), serve()])));
after(async () => {
  assert.deepEqual(await Promise.all(servers.map(stop)), [0, 0]);
  rmSync(folder, { recursive: true });
});

let last = 0;
function post(url, method, params = {}, { extension = true, signal } = {}) {
  const id = ++last;
  const capabilities = { elicitation: {}, ...(extension && { extensions: { [tasks]: {} } }) };
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...params._meta,
  };
  const name = params.name ?? params.uri ?? params.taskId;
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/json, text/event-stream',
    'MCP-Protocol-Version': version,
    'Mcp-Method': method,
    ...(name && { 'Mcp-Name': name }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } });
  return fetch(url, { method: 'POST', headers, body, signal }).then((response) => ({ id, response }));
}

/** The messages of an answer, whether JSON or a stream. */
async function* messages(response) {
  if (!response.headers.get('content-type').startsWith('text/event-stream')) {
    yield await response.json();
    return;
  }
  let text = '';
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split('\n').filter((line) => line.startsWith('data:'));
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(5)).join('\n'));
    }
  }
}

async function call(url, method, params, options) {
  const { response } = await post(url, method, params, options);
  let answer;
  for await (const each of messages(response)) answer = each;
  if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error, { status: response.status });
  return answer.result;
}
const tool = (url, name, args = {}) => call(url, 'tools/call', { name, arguments: args });

async function ended(url, taskId) {
  for (;;) {
    const task = await call(url, 'tasks/get', { taskId });
    if (!['working', 'input_required'].includes(task.status)) return task;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a task of one process is found, ends and shows its result in another', async () => {
  const created = await tool(here, 'slow_compute', { seconds: 1, label: 'far' });
  assert.equal(created.resultType, 'task');
  const seen = await call(there, 'tasks/get', { taskId: created.taskId });
  assert.equal(seen.status, 'working');
  const task = await ended(there, created.taskId);
  assert.equal(task.status, 'completed');
  assert.equal(task.resultType, 'complete');
  assert.equal(task.result.content[0].text, 'Computed far');
});

test('every state is pushed to those who listen, in both processes, until the task has ended', async () => {
  const { taskId } = await tool(here, 'multi_input');
  const stop = new AbortController();
  const listeners = await Promise.all([here, there].map(async (url) => {
    const { id, response } = await post(url, 'subscriptions/listen', { notifications: { taskIds: [taskId] } },
      { signal: stop.signal });
    return { id, stream: messages(response) };
  }));
  for (const { id, stream } of listeners) {
    const { value: acknowledged } = await stream.next();
    assert.equal(acknowledged.method, 'notifications/subscriptions/acknowledged');
    assert.deepEqual(acknowledged.params.notifications.taskIds, [taskId]);
    assert.equal(acknowledged.params._meta[subscription], id);
  }
  const until = async ({ id, stream }, wanted) => {
    for await (const { method, params } of { [Symbol.asyncIterator]: () => ({ next: () => stream.next() }) }) {
      assert.equal(method, 'notifications/tasks');
      assert.equal(params.taskId, taskId);
      assert.equal(params._meta[subscription], id);
      if (wanted(params)) return params;
    }
    throw new Error('the stream ended');
  };
  const open = (params) => Object.keys(params.inputRequests ?? {});
  await Promise.all(listeners.map((each) => until(each, (params) => open(params).length === 2)));
  const answer = { action: 'accept', content: { name: 'Ann' } };
  await call(there, 'tasks/update', { taskId, inputResponses: { first: answer } });
  const left = await Promise.all(listeners.map((each) => until(each, (params) => open(params).length === 1)));
  for (const params of left) assert.deepEqual([params.status, open(params)], ['input_required', ['second']]);
  await call(there, 'tasks/update', { taskId, inputResponses: { second: answer, first: answer, unknown: answer } });
  const done = await Promise.all(listeners.map((each) => until(each, (params) => params.status === 'completed')));
  for (const params of done) assert.equal(params.result.content[0].text, 'Ann and Ann were given');
  stop.abort();
});

test('a task is cancelled from another process, twice with the same acknowledgement', async () => {
  const { taskId } = await tool(here, 'slow_compute', { seconds: 60 });
  for (let time = 0; time < 2; ++time) {
    const { _meta, ...acknowledgement } = await call(there, 'tasks/cancel', { taskId });
    assert.deepEqual(acknowledgement, { resultType: 'complete' });
    assert.ok(_meta['io.modelcontextprotocol/serverInfo'].name);
    assert.equal((await ended(here, taskId)).status, 'cancelled');
  }
});

test('closing the stream of a call cancels it, unless it is a task already', async () => {
  const stop = new AbortController();
  const params = { name: 'slow_compute', arguments: { seconds: 60 }, _meta: { progressToken: 'p' } };
  const { response } = await post(here, 'tools/call', params, { extension: false, signal: stop.signal });
  const { value: progress } = await messages(response).next();
  assert.equal(progress.method, 'notifications/progress');
  stop.abort();
  const { taskId } = await tool(here, 'slow_compute', { seconds: 1, label: 'kept' });
  assert.equal((await ended(there, taskId)).status, 'completed');
  const { content } = await tool(there, 'list_tasks', { status: 'running' });
  assert.deepEqual(JSON.parse(content[0].text).tasks, []);
});

test('a client without the extension gets no task and no task methods', async () => {
  const plain = { extension: false };
  const result = await call(here, 'tools/call', { name: 'slow_compute', arguments: { seconds: 60 } }, plain);
  assert.equal(result.resultType, 'complete');
  const { task_id: taskId } = JSON.parse(result.content[0].text);
  const required = { extensions: { [tasks]: {} } };
  for (const [method, params] of [
    ['tasks/get', { taskId }], ['tasks/cancel', { taskId }], ['tasks/update', { taskId, inputResponses: {} }],
    ['subscriptions/listen', { notifications: { taskIds: [taskId] } }], ['tools/call', { name: 'failing_job' }],
  ]) {
    await assert.rejects(call(here, method, params, plain), (error) => {
      assert.deepEqual([error.code, error.status, error.data.requiredCapabilities], [-32021, 400, required], method);
      return true;
    });
  }
  assert.deepEqual(Object.keys(await call(here, 'tasks/cancel', { taskId })).sort(), ['_meta', 'resultType']);
});

test('unknown ids are refused alike', async () => {
  for (const taskId of ['none', 't_00000000000000000000000000000000', 'x'.repeat(1000)]) {
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      await assert.rejects(call(here, method, { taskId, inputResponses: {} }), (error) => error.code === -32602);
    }
  }
  for (const method of ['tasks/list', 'tasks/result']) {
    await assert.rejects(call(here, method, { taskId: 'none' }), (error) => error.code === -32601);
  }
});

test('input mid-call: asked inline, resumed once, never with a forged or foreign state', async () => {
  const name = 'test_tool_with_task';
  const round = await tool(here, name);
  assert.equal(round.resultType, 'input_required');
  assert.equal(round.taskId, undefined);
  const inputResponses = { user_name: { action: 'accept', content: { name: 'Alice' } } };
  const again = (url, state, wanted = name) =>
    call(url, 'tools/call', { name: wanted, arguments: {}, inputResponses, requestState: state });
  const refused = (attempt) => assert.rejects(attempt, (error) => error.code === -32602);
  await refused(again(here, round.requestState + 'x'));
  await refused(again(here, round.requestState, 'greet'));
  await refused(again(here, ''));
  const created = await again(here, round.requestState);
  assert.equal(created.resultType, 'task');
  assert.equal(created.requestState, undefined);
  await refused(again(here, round.requestState));
  assert.equal((await ended(there, created.taskId)).result.content[0].text, 'Done for Alice');
});
