// Runs inside of a sandbox: many sessions at once, each with hooks and requests as Claude Code sends them. Prints the
// sessions' ids. `node session-load.mjs SESSIONS TURNS TOKEN [direct]`, direct: as with Claude's own log-in.

import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';

const [sessions, turns, token, way] = process.argv.slice(2);
const HOOKS = 'http://127.0.0.1:7879/hook';
const api = (id) => `http://127.0.0.1:7878${way === 'direct' ? `/direct/${id}` : ''}/v1/messages`;

async function run(id) {
  const folder = `${homedir()}/.cloud-claude/sessions/${id}`;
  mkdirSync(folder, { recursive: true });
  const secret = randomUUID();
  writeFileSync(`${folder}/hook-token`, secret);
  const hook = async (hook_event_name, fields) => {
    const response = await fetch(HOOKS, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'x-cloud-claude-session': id },
      body: JSON.stringify({ hook_event_name, session_id: id, permission_mode: 'plan', ...fields }),
    });
    if (response.status !== 204) throw new Error(`${hook_event_name}: ${response.status}`);
  };
  await hook('SessionStart', { source: 'startup' });
  for (let turn = 1; turn <= turns; turn++) {
    const prompt = `say ${'some words '.repeat(40)}of turn ${turn} of ${id}`;
    await hook('UserPromptSubmit', { prompt, prompt_id: randomUUID() });
    const response = await fetch(api(id), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'x-claude-code-session-id': id },
      body: JSON.stringify({
        ...{ model: 'scripted', stream: true, system: 'x'.repeat(50_000), tools: [{ name: 'Bash' }] },
        messages: [{ role: 'user', content: prompt }],
      }),
    });
    if (!response.ok) throw new Error(`api: ${response.status}`);
    await response.text();
    const tool = { tool_name: 'Bash', tool_use_id: randomUUID(), tool_input: { command: 'ls' } };
    await hook('PreToolUse', tool);
    await hook('PostToolUse', { ...tool, tool_response: { stdout: 'y'.repeat(20_000) }, duration_ms: 1 });
    await hook('Stop', { last_assistant_message: prompt.slice(4) });
  }
}

const ids = Array.from({ length: Number(sessions) }, () => randomUUID());
// A sign of life, as a session without a Claude Code is told to have ended after 10 s.
const spool = `${homedir()}/.cloud-claude/spool`;
const alive = setInterval(() => {
  for (const id of ids) {
    writeFileSync(`${spool}/.${id}`, `${id} Alive\n{}`);
    renameSync(`${spool}/.${id}`, `${spool}/${id}`);
  }
}, 2_000);
await Promise.all(ids.map(run));
clearInterval(alive);
process.stdout.write(JSON.stringify(ids));
