// SPDX-License-Identifier: MIT
// real_servers.test.mjs: four real servers at once behind `meantime serve`, from an mcpServers file as editors write it:
// alone, over stdio, and imported by a configuration that adds budgets, over HTTP; with the SDK's clients 1.x and 2.x.
// Run by ctest: node --test, with MEANTIME (the program) and MEANTIME_PEERS (node_modules).
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clients, connect_v1, peers, text } from './fixture/sdk_clients.mjs';
import { serve_configuration, stop } from './fixture/servers.mjs';

const meantime = process.env.MEANTIME;
const folder = mkdtempSync(join(tmpdir(), 'meantime-real-'));
const server = (name) => join(peers, `@modelcontextprotocol/server-${name}/dist/index.js`);

/** What a user pastes; each gateway has files of its own. */
function paste(name) {
  const files = join(folder, name);
  mkdirSync(files);
  const file = join(files, 'mcp_servers.json');
  writeFileSync(file, `{
  // as in the README of each
  "mcpServers": {
    "everything": { "command": "node", "args": [${JSON.stringify(server('everything'))}, "stdio"], },
    "filesystem": {
      "type": "stdio",
      "command": "node",
      "args": [${JSON.stringify(server('filesystem'))}, ${JSON.stringify(files)}],
      "autoApprove": ["read_text_file"]
    },
    "memory": {
      "command": "node",
      "args": [${JSON.stringify(server('memory'))}],
      "env": { "MEMORY_FILE_PATH": ${JSON.stringify(join(files, 'graph.jsonl'))} }
    },
    "sequential-thinking": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-sequential-thinking"],
      "env": { "npm_config_offline": "true" },
      "cwd": ${JSON.stringify(dirname(peers))},
      "disabled": false
    },
    "not-wanted": { "command": "no-such-program", "disabled": true }
  }
}
`);
  return { file, files };
}

/** What every client can do with them, whatever its door. */
function use_them(its, files) {
  test('the tools of all four are listed under their names', async () => {
    const names = (await its().client.listTools()).tools.map((tool) => tool.name);
    for (const wanted of ['everything_echo', 'filesystem_write_file', 'memory_create_entities',
      'sequential-thinking_sequentialthinking', 'await_task']) {
      assert.ok(names.includes(wanted), `${wanted} of ${names}`);
    }
    assert.equal(new Set(names).size, names.length);
  });

  test('files are written and read, and those outside are refused', async () => {
    const path = join(files, 'note.txt');
    const content = 'gr\u00fc\u00df\n\u{1F600}\n';
    assert.notEqual((await its().call('filesystem_write_file', { path, content })).isError, true);
    assert.equal(readFileSync(path, 'utf8'), content);
    assert.equal(text(await its().call('filesystem_read_text_file', { path })), content);
    assert.match(text(await its().call('filesystem_list_directory', { path: files })), /\[FILE\] note\.txt/);
    const outside = await its().call('filesystem_read_text_file', { path: '/etc/passwd' });
    assert.equal(outside.isError, true);
    assert.match(text(outside), /Access denied/);
  });

  test('a graph is kept from call to call', async () => {
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['wrote the first program'] }];
    await its().call('memory_create_entities', { entities });
    const graph = await its().call('memory_read_graph');
    assert.deepEqual(JSON.parse(text(graph)).entities.map((each) => each.name), ['Ada']);
    assert.deepEqual(graph.structuredContent.entities, JSON.parse(text(graph)).entities);
    const found = await its().call('memory_search_nodes', { query: 'program' });
    assert.equal(JSON.parse(text(found)).entities.length, 1);
  });

  test('thoughts come in sequence', async () => {
    const thought = { thought: 'first', nextThoughtNeeded: true, thoughtNumber: 1, totalThoughts: 2 };
    assert.equal(JSON.parse(text(await its().call('sequential-thinking_sequentialthinking', thought))).thoughtNumber, 1);
    const last = { thought: 'second', nextThoughtNeeded: false, thoughtNumber: 2, totalThoughts: 2 };
    const answer = await its().call('sequential-thinking_sequentialthinking', last);
    assert.equal(JSON.parse(text(answer)).nextThoughtNeeded, false);
  });

  test('quick tools answer, failures of each say why', async () => {
    assert.equal(text(await its().call('everything_echo', { message: 'here' })), 'Echo: here');
    assert.match(text(await its().call('everything_get-sum', { a: 2, b: 40 })), /42/);
    const image = await its().call('everything_get-tiny-image');
    assert.ok(image.content.some((each) => each.type === 'image'));
    const wrong = await its().call('everything_get-sum', { a: 'no number' });
    assert.equal(wrong.isError, true);
    await assert.rejects(its().call('not-wanted_tool'), (error) => error.code === -32602);
  });

  test('resources, templates and prompts of the one that has them', async () => {
    const { resources } = await its().client.listResources();
    const document = resources.find((each) => each.uri.startsWith('demo://'));
    assert.ok(text_of(await its().client.readResource({ uri: document.uri })).length > 0);
    const { resourceTemplates } = await its().client.listResourceTemplates();
    assert.ok(resourceTemplates.some((each) => each.uriTemplate.startsWith('demo://resource/dynamic/text')));
    const read = await its().client.readResource({ uri: 'demo://resource/dynamic/text/7' });
    assert.match(text_of(read), /Resource 7/);
    const { prompts } = await its().client.listPrompts();
    assert.ok(prompts.some((each) => each.name === 'everything_simple-prompt'), JSON.stringify(prompts));
    const prompt = await its().client.getPrompt({ name: 'everything_args-prompt', arguments: { city: 'Bonn' } });
    assert.match(prompt.messages[0].content.text, /Bonn/);
    const ref = { type: 'ref/prompt', name: 'everything_completable-prompt' };
    const completed = await its().client.complete({ ref, argument: { name: 'department', value: 'E' } });
    assert.ok(completed.completion.values.includes('Engineering'), JSON.stringify(completed));
  });
}
const text_of = (read) => read.contents[0].text;
const slow = { duration: 0.6, steps: 2 };
const slow_tool = 'everything_trigger-long-running-operation';
const slow_ended = /Long running operation completed\. Duration: 0\.6 seconds, Steps: 2\./;

// Most of it waits: side by side.
describe('four real servers', { concurrency: true }, () => {
  for (const { name, connect, modern } of [clients[0], clients[2]]) {
    describe(`the file alone, over stdio, client ${name}`, { concurrency: 1 }, () => {
      const { file, files } = paste(`alone-${modern}`);
      let its;
      before(async () => {
        const args = ['serve', '--stdio', '--config', file, '--store', 'memory'];
        its = await connect({ command: meantime, args, stderr: 'inherit' });
      });
      after(() => its.close());
      use_them(() => its, files);

      test('progress of a slow tool is heard', async () => {
        const heard = [];
        const onprogress = (each) => heard.push([each.progress, each.total]);
        assert.match(text(await its.call(slow_tool, slow, { onprogress })), slow_ended);
        assert.deepEqual(heard[0], [1, 2]);
      });

      if (!modern) {
        test('a slow tool is a task for a client that asks for one', async () => {
          await its.client.listTools();
          const told = [];
          const call = { name: slow_tool, arguments: slow };
          for await (const each of its.client.experimental.tasks.callToolStream(call, undefined, { task: {} })) {
            told.push(each);
          }
          assert.equal(told[0].type, 'taskCreated');
          assert.match(text(told.at(-1).result), slow_ended);
        });
      }
    });
  }

  describe('imported by a configuration with budgets, over HTTP', { concurrency: 1 }, () => {
    const { file, files } = paste('imported');
    let gateway;
    before(async () => {
      const configuration = join(files, 'meantime.toml');
      writeFileSync(configuration,
        `[import]\nfiles = ${JSON.stringify(file)}\n\n[upstreams.everything]\nbudget = "200ms"\nstart = "eager"\n`);
      gateway = await serve_configuration(meantime, configuration);
    });
    after(async () => assert.equal(await stop(gateway.child), 0));

    for (const { name, connect } of clients) {
      describe(`client ${name}`, () => {
        let its;
        before(async () => (its = await connect(gateway.url)));
        after(() => its.close());
        use_them(() => its, files);

        test('a slow tool is over its budget: envelope, check, result', async () => {
          const running = JSON.parse(text(await its.call(slow_tool, slow)));
          assert.equal(running.status, 'running');
          const { task_id } = running;
          assert.equal(JSON.parse(text(await its.call('check_task', { task_id }))).status, 'running');
          assert.match(text(await its.call('await_task', { task_id, timeout_seconds: 20 })), slow_ended);
        });
      });
    }

    test('what one client makes, another finds', async () => {
      const [one, other] = await Promise.all([connect_v1(gateway.url), clients[2].connect(gateway.url)]);
      const { task_id } = JSON.parse(text(await one.call(slow_tool, slow)));
      assert.match(text(await other.call('await_task', { task_id, timeout_seconds: 20 })), slow_ended);
      await Promise.all([one.close(), other.close()]);
    });
  });
});

after(() => rmSync(folder, { recursive: true }));
