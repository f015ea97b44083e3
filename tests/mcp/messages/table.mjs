// SPDX-License-Identifier: MIT
// table.mjs: reads and writes tables of raw messages: what is sent, and what exactly comes back through each door.
//
// A row begins with `row:` and its name, which no other has. Then:
//   in: R...     what was agreed on before: `none`, or a revision; each one named is tried. A message of 2026-07-28
//                needs no session: `none`.
//   only: DOOR   not through the other one (stdio, http).
//   head: JSON   headers over HTTP in place of the usual ones; null: without it; a list: several fields.
//   verb, path   of the HTTP request, where it is not a POST to the endpoint.
//   > TEXT       the message. Several: one after the other, each when the one before has begun to be answered.
//   >64 BASE64   the same, for bytes that cannot stand here.
//   stdio: JSON  a line that comes back; as many as come. `stdio: nothing`: none.
//   http: STATUS BODY, once for each message. Events of a stream stand side by side.
// `$M` in a message is the marks of 2026-07-28, `$T` those of a client that takes tasks, `$DONE` and `$CANCELLED` tasks
// that have ended, `$DEEP` 513 arrays in each other.
import { readFileSync, writeFileSync } from 'node:fs';

const version = 'io.modelcontextprotocol/protocolVersion';
const capabilities = 'io.modelcontextprotocol/clientCapabilities';
const marks = (more) => `"_meta":{"${version}":"2026-07-28","${capabilities}":{${more}}}`;
const words = {
  $M: marks(''),
  $T: marks('"extensions":{"io.modelcontextprotocol/tasks":{}}'),
  $DEEP: `${'['.repeat(513)}${']'.repeat(513)}`,
};

export function read_table(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const rows = [];
  for (const [at, line] of lines.entries()) {
    const [, key, text] = /^(row|in|only|head|verb|path|>64|>|stdio|http):? ?(.*)$/.exec(line) ?? [];
    if (!key) {
      if (line !== '' && !line.startsWith('#')) throw new Error(`${file}:${at + 1}: what is this? ${line}`);
      continue;
    }
    if (key === 'row') rows.push({ name: text, in: ['none'], messages: [], stdio: [], http: [], from: at });
    const row = rows.at(-1);
    if (key === 'in') row.in = text.split(' ');
    if (key === 'only' || key === 'verb' || key === 'path') row[key] = text;
    if (key === 'head') row.head = JSON.parse(text);
    if (key === '>') row.messages.push(Buffer.from(text.replace(/\$(M|T|DEEP)\b/g, (word) => words[word])));
    if (key === '>64') row.messages.push(Buffer.from(text, 'base64'));
    if (key === 'stdio' && text !== 'nothing') row.stdio.push(text);
    if (key === 'http') row.http.push(text);
    row.to = at + 1;
  }
  const names = rows.map((row) => row.name);
  for (const [at, name] of names.entries()) if (names.indexOf(name) !== at) throw new Error(`two rows: ${name}`);
  return { file, lines, rows };
}

/** Writes what came back in place of what was expected; `came` by row: { stdio, http } of lines. */
export function write_table({ file, lines, rows }, came) {
  const out = [];
  let copied = 0;
  for (const row of rows) {
    const kept = lines.slice(copied, row.to).filter((line) => !/^(stdio|http):/.test(line));
    const { stdio, http } = came.get(row);
    out.push(...kept);
    if (stdio) out.push(...(stdio.length ? stdio : ['nothing']).map((line) => `stdio: ${line}`));
    if (http) out.push(...http.map((line) => `http: ${line}`));
    copied = row.to;
  }
  writeFileSync(file, [...out, ...lines.slice(copied)].join('\n'));
}

/** Ids, times, sealed states and how far a task is, which differ each time, as words. */
export function normalised(text) {
  return text
    .replace(/"(taskId|task_id|requestState|createdAt|lastUpdatedAt|nextCursor)":"[^"]+"/g, '"$1":"..."')
    .replace(/"(ttl|ttlMs)":864\d{5}\b/g, '"$1":86400000') // a day after its end, which is a little after its beginning
    .replace(/"statusMessage":"\d+\/\d+"/g, '"statusMessage":"n/n"')
    .replace(/\b1[0-9a-hjkmnp-tv-z]{31}\b/g, '...');
}
