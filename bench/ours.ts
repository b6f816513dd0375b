/** Our path as a process of its own: the gateway's parts on a temporary database and a given container. */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { startBox } from '../server/gateway/testing/box';
import { makeKey, SANDBOX_ID, startGateway } from '../server/gateway/testing/gateway';
import { Scope } from '../shared/lifecycle';

const SESSIONS = 64;
const scope = new Scope();
const key = await makeKey(scope);
const box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
const gateway = scope.own('gateway', await startGateway({ box, key }));
const started = performance.now();
await gateway.connections.get(SANDBOX_ID);
const coldMs = performance.now() - started;
const ids: string[] = [];
for (let i = 0; i < SESSIONS; i += 1) ids.push(await gateway.session({ id: randomUUID() }));
const say = (it: unknown) => process.stdout.write(`${JSON.stringify(it)}\n`);
const stop = () => void scope.close().then(() => process.exit(0));
process.once('SIGTERM', stop);
// `memory`, as the peer has it. At the end of stdin whoever started us is gone.
createInterface({ input: process.stdin })
  .on('close', stop)
  .on('line', () => {
    globalThis.gc?.();
    say(process.memoryUsage());
  });
say({ port: gateway.port, container: box.container, sandbox: SANDBOX_ID, sessions: ids, coldMs });
