/**
 * `npx tsx image/testing/loopback.ts SOCKET HOME SESSION`: sandboxd's journal and API without a sandbox, for tests of
 * their readers. A line `N` on stdin writes N frames and is answered by the newest seq; `exit` ends the session.
 */
import { createInterface } from 'node:readline';
import { startApiServer } from '../sandboxd/api-server';
import { Sessions } from '../sandboxd/sessions';

const [socket = '', home = '', id = ''] = process.argv.slice(2);
const log = () => undefined;
const sessions = new Sessions({ home, log });
const { session } = sessions.ensure(id);
const hooks = async () => ({ status: 404, body: {} });
const api = await startApiServer({ socket, home, sessions, log, hooks });
const say = (it: object) => process.stdout.write(`${JSON.stringify(it)}\n`);
say({ ready: true });

let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'exit') {
    session.recorder.emit('stop', { scope: 'session', reason: 'exited', exitCode: 0 });
    session.recorder.emit('status', { state: 'stopped' });
  }
  for (let left = Number(line) || 0; left > 0; left -= 1) {
    count += 1;
    const text = `word ${count} `;
    const place = { messageId: `msg_${Math.ceil(count / 50)}`, block: 0 };
    session.recorder.emit('text.delta', { role: 'assistant', ...place, offset: 0, text });
  }
  say({ lastSeq: session.recorder.journal.last });
}
sessions.close();
await api.close();
