// SPDX-License-Identifier: MIT
// sdk_client.test.mjs: the official TypeScript SDK's client against `meantime wrap` in front of the real everything
// server. Run by ctest: node --test sdk_client.test.mjs, with MEANTIME (the program) and MEANTIME_PEERS (node_modules).
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const meantime = process.env.MEANTIME;
const peers = process.env.MEANTIME_PEERS;
const sdk = (file) => import(pathToFileURL(join(peers, '@modelcontextprotocol/sdk/dist/esm', file)).href);
const { Client } = await sdk('client/index.js');
const { StdioClientTransport } = await sdk('client/stdio.js');
const types = await sdk('types.js');
const everything = [process.execPath, join(peers, '@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'];

const state = mkdtempSync(join(tmpdir(), 'meantime-sdk-'));
after(() => rmSync(state, { recursive: true }));
const env = { ...process.env, MEANTIME_STATE_DIR: state };

async function connect(command, capabilities = {}, prepare = () => {}) {
  const client = new Client({ name: 'sdk-test', version: '1' }, { capabilities });
  prepare(client);
  const transport = new StdioClientTransport({ command: command[0], args: command.slice(1), env, stderr: 'ignore' });
  await client.connect(transport);
  return client;
}
const wrapped = (flags, ...rest) => connect([meantime, 'wrap', ...flags, '--', ...everything], ...rest);

/** The same steps with a client straight to the server and one through meantime; both answers. */
async function both(steps, ...rest) {
  const answers = [];
  for (const client of [await connect(everything, ...rest), await wrapped([], ...rest)]) {
    answers.push(await steps(client));
    await client.close();
  }
  return answers;
}
const text = (result) => result.content[0].text;
const call = (client, name, args = {}, options) => client.callTool({ name, arguments: args }, undefined, options);

test('every tool of the server is listed as it is, and ours come after them', async () => {
  const [direct, through] = await both(async (client) => (await client.listTools()).tools);
  const ours = through.slice(direct.length).map((tool) => tool.name);
  assert.deepEqual(ours, ['check_task', 'await_task', 'list_tasks', 'cancel_task']);
  const plain = (tool) => ({ ...tool, outputSchema: undefined });
  assert.deepEqual(through.slice(0, direct.length).map(plain), direct.map(plain));
  const structured = through.find((tool) => tool.name === 'get-structured-content');
  assert.equal(structured.outputSchema.type, 'object');
  assert.equal(structured.outputSchema.anyOf.length, 2);
});

test('quick tools answer as without meantime', async () => {
  const calls = [
    ['echo', { message: 'gr\u00fc\u00df "dich"\n\u{1F600}' }], ['get-sum', { a: 2, b: 40 }], ['get-tiny-image', {}],
    ['get-annotated-message', { messageType: 'error', includeImage: true }], ['get-resource-links', { count: 3 }],
    ['get-structured-content', { location: 'Chicago' }], ['get-sum', { a: 'no number' }], ['no-such-tool', {}],
  ];
  const [direct, through] = await both(async (client) => {
    await client.listTools();
    return Promise.all(calls.map(([name, args]) => call(client, name, args).catch((error) => `${error}`)));
  });
  assert.deepEqual(through, direct);
});

test('resources, prompts, completion and logging pass both ways', async () => {
  const [direct, through] = await both(async (client) => {
    const resources = await client.listResources();
    return {
      templates: await client.listResourceTemplates(),
      resources,
      read: await client.readResource({ uri: resources.resources[0].uri }),
      prompts: await client.listPrompts(),
      prompt: await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Bonn' } }),
      level: await client.setLoggingLevel('debug'),
      ping: await client.ping(),
      missing: await client.getPrompt({ name: 'none' }).catch((error) => `${error}`),
    };
  });
  assert.deepEqual(through, direct);
});

test('the server can ask the client: roots, sampling and elicitation', async () => {
  const asked = [];
  const prepare = (client) => {
    client.setRequestHandler(types.ListRootsRequestSchema, () => {
      asked.push('roots');
      return { roots: [{ uri: 'file:///somewhere', name: 'here' }] };
    });
    client.setRequestHandler(types.CreateMessageRequestSchema, (request) => {
      asked.push(request.params.messages[0].content.text);
      return { role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled' } };
    });
  };
  const client = await wrapped([], { roots: {}, sampling: {} }, prepare);
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes('trigger-sampling-request'), names.join());
  const result = await call(client, 'trigger-sampling-request', { prompt: 'say something', maxTokens: 10 });
  assert.match(text(result), /sampled/);
  assert.match(asked.join(), /say something/);
  await client.close();
});

test('S03 S32 S34 a slow tool becomes a task that is checked, awaited and listed, from here and from a terminal', async () => {
  const client = await wrapped(['--budget', '200ms', '--await-cap', '400ms']);
  const slow = { duration: 2, steps: 4 };
  const envelope = (await call(client, 'trigger-long-running-operation', slow)).structuredContent;
  assert.deepEqual(Object.keys(envelope), ['task_id', 'tool_name', 'status', 'message']);
  const { task_id } = envelope;
  const status = JSON.parse(text(await call(client, 'check_task', { task_id })));
  assert.equal(status.status, 'running');
  assert.equal(JSON.parse(text(await call(client, 'await_task', { task_id }))).status, 'timeout');

  const terminal = JSON.parse(execFileSync(meantime, ['list', '--json'], { env, encoding: 'utf8' }));
  assert.ok(JSON.stringify(terminal).includes(task_id));
  const listed = JSON.parse(text(await call(client, 'list_tasks', { status: 'running' })));
  assert.deepEqual(listed.tasks.map((task) => task.task_id), [task_id]);

  let result;
  do {
    result = text(await call(client, 'await_task', { task_id }));
  } while (result.includes('"timeout"'));
  assert.match(result, /Long running operation completed\. Duration: 2 seconds, Steps: 4\./);
  assert.match(execFileSync(meantime, ['output', task_id], { env, encoding: 'utf8' }), /completed/);
  await client.close();
});

test('a strict client takes the envelope of a tool with an output schema', async () => {
  const client = await wrapped(['--budget', '0s']);
  await client.listTools();
  const envelope = await call(client, 'get-structured-content', { location: 'New York' });
  assert.equal(envelope.structuredContent.status, 'running');
  const result = await call(client, 'await_task', { task_id: envelope.structuredContent.task_id });
  assert.equal(result.structuredContent.temperature, JSON.parse(text(result)).temperature);
  await client.close();
});

test('progress reaches the client that asked for it, from the tool and from await_task', async () => {
  const client = await wrapped(['--budget', '1500ms']);
  const seen = [];
  const onprogress = (progress) => seen.push(progress);
  const { structuredContent } =
      await call(client, 'trigger-long-running-operation', { duration: 8, steps: 8 }, { onprogress });
  assert.equal(structuredContent.status, 'running');
  assert.ok(seen.length > 0);
  assert.equal(seen[0].total, 8);
  const waiting = [];
  const { task_id } = structuredContent;
  const result = await call(client, 'await_task', { task_id }, { onprogress: (progress) => waiting.push(progress) });
  assert.match(text(result), /completed/);
  assert.match(waiting[0].message, /waiting for 'trigger-long-running-operation': \d+ of 8/);
  await client.close();
});

test('F17 a call that the client gives up before the budget is over leaves no task', async () => {
  const client = await wrapped(['--budget', '20s']);
  const controller = new AbortController();
  const started = call(client, 'trigger-long-running-operation', { duration: 30, steps: 30 }, {
    signal: controller.signal,
    onprogress: () => controller.abort('changed my mind'),
  });
  await assert.rejects(started, /changed my mind/);
  const listed = JSON.parse(text(await call(client, 'list_tasks', { status: 'running' })));
  assert.equal(listed.count, 0);
  assert.equal(text(await call(client, 'echo', { message: 'still here' })), 'Echo: still here');
  await client.close();
});

test('a task is cancelled from a terminal, and the client that waits for it hears of it', async () => {
  const client = await wrapped(['--budget', '100ms']);
  const { structuredContent } = await call(client, 'trigger-long-running-operation', { duration: 60, steps: 60 });
  const { task_id } = structuredContent;
  const waiting = call(client, 'await_task', { task_id });
  execFileSync(meantime, ['cancel', task_id], { env });
  const result = await waiting;
  assert.equal(result.isError, true);
  assert.equal(JSON.parse(text(result)).error, 'Task was cancelled.');
  await client.close();
});

test('F13 when meantime is killed its tasks are lost, said so, and whoever waits is woken', async () => {
  const client = await wrapped(['--budget', '100ms']);
  const { structuredContent } = await call(client, 'trigger-long-running-operation', { duration: 60, steps: 60 });
  process.kill(client.transport.pid, 'SIGKILL');
  const waited = spawnSync(meantime, ['await', structuredContent.task_id], { env, encoding: 'utf8', timeout: 30000 });
  assert.equal(waited.status, 3, waited.stderr);
  assert.match(waited.stdout + waited.stderr, /Task was lost: its worker stopped responding\./);
  await client.close();
});

test('meantime before meantime: both sets of tools work and have names of their own', async () => {
  const client = await connect([meantime, 'wrap', '--budget', '0s', '--', meantime, 'wrap', '--', ...everything]);
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(names.includes('check_task') && names.includes('meantime_check_task'));
  const { structuredContent } = await call(client, 'echo', { message: 'through two' });
  const result = await call(client, 'meantime_await_task', { task_id: structuredContent.task_id });
  assert.equal(text(result), 'Echo: through two');
  await client.close();
});

test("a task of the server's own passes through", async () => {
  const client = await wrapped(['--budget', '0s'], { tasks: { requests: {} } });
  const stream = client.experimental.tasks.callToolStream(
      { name: 'simulate-research-query', arguments: { topic: 'time', ambiguous: false } }, types.CallToolResultSchema,
      { task: { ttl: 60000 } });
  const kinds = [];
  let result;
  for await (const message of stream) {
    kinds.push(message.type);
    if (message.type === 'result') result = message.result;
  }
  assert.equal(kinds[0], 'taskCreated', kinds.join());
  assert.match(text(result), /time/);
  await client.close();
});
