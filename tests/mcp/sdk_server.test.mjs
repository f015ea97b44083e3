// SPDX-License-Identifier: MIT
// sdk_server.test.mjs: the official TypeScript SDK's clients, 1.x and 2.x, of both families, over stdio and Streamable
// HTTP, against a server built on our library (the fixture of the conformance suite); or, with MEANTIME (the program),
// against `meantime serve` in front of it. Run by ctest: node --test, with FIXTURE (the program) and MEANTIME_PEERS
// (node_modules).
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clients, connect_v1, text, v1 } from './fixture/sdk_clients.mjs';
import { serve_configuration, serve_fixture, stop, write_configuration } from './fixture/servers.mjs';

const fixture = process.env.FIXTURE;
const meantime = process.env.MEANTIME;
const folder = mkdtempSync(join(tmpdir(), 'meantime-sdk-server-'));
const configuration = join(folder, 'meantime.toml');
write_configuration(configuration, [fixture, '--stdio']);
const command = meantime
  ? { command: meantime, args: ['serve', '--stdio', '--config', configuration, '--store', 'memory'], stderr: 'inherit' }
  : { command: fixture, args: ['--stdio', '--store', 'memory'], stderr: 'inherit' };
// Behind a gateway the four tools that manage tasks are ours, under names that the upstream has not taken.
const builtin = (name) => (meantime ? `meantime_${name}` : name);

/** Resolves with what the first call got. */
function first() {
  let take;
  const heard = new Promise((resolve) => (take = resolve));
  return [heard, take];
}

let http;
before(async () => {
  http = await (meantime ? serve_configuration(meantime, configuration) : serve_fixture(fixture));
});
after(async () => {
  assert.equal(await stop(http.child), 0, 'the server ends in order, whatever clients left behind');
  rmSync(folder, { recursive: true });
});

for (const { name, connect, modern } of clients) {
  for (const door of ['stdio', 'http']) {
    describe(`client ${name} over ${door}`, () => {
      let its;
      before(async () => (its = await connect(door === 'http' ? http.url : command)));
      after(async () => its.close());

      test('tools are listed with their schemas as they are', async () => {
        const { tools } = await its.client.listTools();
        const names = tools.map((tool) => tool.name);
        for (const wanted of ['test_simple_text', 'slow_compute', ...['check_task', 'await_task'].map(builtin)]) {
          assert.ok(names.includes(wanted), wanted);
        }
        const schema = tools.find((tool) => tool.name === 'json_schema_2020_12_tool').inputSchema;
        assert.equal(schema.$defs.address.$anchor, 'addressDef');
        assert.deepEqual(schema.else, { required: ['email'] });
      });

      test('quick tools answer inline, failures as results', async () => {
        assert.equal(text(await its.call('test_simple_text')), 'This is a simple text response for testing.');
        const mixed = await its.call('test_multiple_content_types');
        assert.deepEqual(mixed.content.map((each) => each.type), ['text', 'image', 'resource']);
        assert.equal((await its.call('test_error_handling')).isError, true);
        assert.equal(text(await its.call('greet', { name: 'gr\u00fc\u00df \u{1F600}' })), 'Hello, gr\u00fc\u00df \u{1F600}!');
        await assert.rejects(its.call('no_such_tool'), (error) => error.code === -32602);
      });

      test('arguments that do not fit the schema are told so that a model can mend them', async () => {
        const told = await its.call('greet', {});
        assert.equal(told.isError, true);
        assert.match(text(told), /name/);
      });

      test('progress is heard in order', async () => {
        const heard = [];
        await its.call('test_tool_with_progress', {}, { onprogress: (each) => heard.push(each.progress) });
        // The SDK lets go of those that it reads together with the answer. That all are sent: golden.test.mjs.
        assert.ok(heard.length >= 1);
        assert.deepEqual(heard, [0, 50, 100].slice(0, heard.length));
      });

      test('the client is asked in the middle of a call', async () => {
        assert.equal(text(await its.call('test_input_required_result_elicitation')), 'Hello, Ann!');
        assert.equal(text(await its.call('test_input_required_result_sampling')), 'Paris');
        assert.equal(text(await its.call('test_input_required_result_list_roots')), 'Roots: file:///root');
        assert.match(text(await its.call('test_input_required_result_multiple_inputs')), /^Paris Ann, /);
        const prompt = await its.client.getPrompt({ name: 'test_input_required_result_prompt' });
        assert.match(prompt.messages[0].content.text, /^Use this context: /);
      });

      test('a call over its budget becomes a task that the model can await', async () => {
        const running = await its.call('slow_compute', { seconds: 1, label: 'later' });
        const envelope = JSON.parse(text(running));
        assert.equal(envelope.status, 'running');
        const done = await its.call(builtin('await_task'), { task_id: envelope.task_id, timeout_seconds: 20 });
        assert.match(text(done), /Computed later/);
      });

      test('a call that its client gives up is cancelled', async () => {
        const stop = new AbortController();
        const call = its.call('test_reconnection', {}, { signal: stop.signal });
        setImmediate(() => stop.abort());
        await assert.rejects(call);
        assert.equal(text(await its.call('test_simple_text')).length > 0, true);
      });

      test('prompts, resources, templates and completion', async () => {
        const { prompts } = await its.client.listPrompts();
        assert.equal(prompts.find((each) => each.name === 'test_prompt_with_arguments').arguments.length, 2);
        const args = { arg1: 'hello', arg2: 'world' };
        const prompt = await its.client.getPrompt({ name: 'test_prompt_with_arguments', arguments: args });
        assert.equal(prompt.messages[0].content.text, "Prompt with arguments: arg1='hello', arg2='world'");
        await assert.rejects(its.client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a' } }),
          (error) => error.code === -32602);
        const { resources } = await its.client.listResources();
        assert.ok(resources.some((each) => each.uri === 'test://static-text'));
        const { resourceTemplates } = await its.client.listResourceTemplates();
        assert.equal(resourceTemplates[0].uriTemplate, 'test://template/{id}/data');
        const read = await its.client.readResource({ uri: 'test://template/7/data' });
        assert.equal(JSON.parse(read.contents[0].text).id, '7');
        await assert.rejects(its.client.readResource({ uri: 'test://none' }),
          (error) => error.code === (name === '1.x' ? -32002 : -32602)); // 2.x shows either as the newer code
        const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
        const completed = await its.client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
        assert.deepEqual(completed.completion.values, ['paris', 'park', 'party']);
      });

      test('changes are heard by those who listen', async () => {
        const [tools, on_tools] = first();
        const [prompts, on_prompts] = first();
        const [updated, on_updated] = first();
        its.hear('notifications/tools/list_changed', on_tools);
        its.hear('notifications/prompts/list_changed', on_prompts);
        its.hear('notifications/resources/updated', on_updated);
        const uri = 'test://watched-resource';
        let listening;
        if (modern) {
          const filter = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: [uri] };
          listening = await its.client.listen(filter);
          assert.deepEqual(listening.honoredFilter, filter);
        } else {
          await its.client.subscribeResource({ uri });
        }
        for (const change of ['tool_change', 'prompt_change', 'resource_update']) {
          await its.call(`test_trigger_${change}`);
        }
        await Promise.all([tools, prompts]);
        assert.equal((await updated).params.uri, uri);
        for (const change of ['tool_change', 'prompt_change']) await its.call(`test_trigger_${change}`);
        await (modern ? listening.close() : its.client.unsubscribeResource({ uri }));
      });

      if (!modern) {
        test('log lines come from the level that was set on', async () => {
          const heard = [];
          its.hear('notifications/message', (each) => heard.push(each.params.data));
          await its.client.setLoggingLevel('warning');
          await its.call('test_tool_with_logging');
          assert.deepEqual(heard, []);
          await its.client.setLoggingLevel('debug');
          await its.call('test_tool_with_logging');
          assert.equal(heard.length, 3);
        });
      }
    });
  }
}

for (const door of ['stdio', 'http']) {
  describe(`the tasks of 2025-11-25, client 1.x over ${door}`, () => {
    let its;
    before(async () => (its = await connect_v1(door === 'http' ? http.url : command)));
    after(async () => its.close());
    const stream = async (name, args) => {
      const messages = [];
      const params = { name, arguments: args };
      const options = { task: { ttl: 60_000 } };
      for await (const each of its.client.experimental.tasks.callToolStream(params, undefined, options)) {
        messages.push(each);
      }
      return messages;
    };

    test('a task is created on request, followed, and its result is fetched', async () => {
      await its.client.listTools();
      const messages = await stream('slow_compute', { seconds: 0.5, label: 'streamed' });
      assert.equal(messages[0].type, 'taskCreated');
      assert.equal(messages.at(-1).type, 'result');
      assert.equal(text(messages.at(-1).result), 'Computed streamed');
      const { taskId } = messages[0].task;
      const task = await its.client.experimental.tasks.getTask(taskId);
      assert.equal(task.status, 'completed');
      const again = await its.client.experimental.tasks.getTaskResult(taskId, v1.types.CallToolResultSchema);
      assert.equal(again._meta['io.modelcontextprotocol/related-task'].taskId, taskId);
      const { tasks } = await its.client.experimental.tasks.listTasks();
      assert.ok(tasks.some((each) => each.taskId === taskId));
    });

    test('a task that needs input asks on the stream of tasks/result', async () => {
      const messages = await stream('confirm_delete', { filename: 'a.txt' });
      assert.equal(text(messages.at(-1).result), 'Deleted a.txt');
    });

    test('a tool that fails ends its task as failed, its result says why', async () => {
      const messages = await stream('failing_job', {});
      const status = messages.filter((each) => each.type === 'taskStatus').at(-1);
      assert.equal(status.task.status, 'failed');
    });

    test('a task is cancelled, once', async () => {
      const running = its.client.experimental.tasks.callToolStream(
        { name: 'slow_compute', arguments: { seconds: 60 } }, undefined, { task: {} });
      const { value: created } = await running.next();
      const { taskId } = created.task;
      assert.equal((await its.client.experimental.tasks.cancelTask(taskId)).status, 'cancelled');
      await assert.rejects(its.client.experimental.tasks.cancelTask(taskId), (error) => error.code === -32602);
      assert.equal((await its.client.experimental.tasks.getTask(taskId)).status, 'cancelled');
      await running.return();
    });

    test('an unknown task is refused', async () => {
      await assert.rejects(its.client.experimental.tasks.getTask('none'), (error) => error.code === -32602);
    });
  });
}
