/** The gateway's API proxy with its counting, as a program of its own, reached without SSH. `UPSTREAM FOLDER` */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import pino from 'pino';
import { createAudit } from '../server/auth/audit';
import { openDb } from '../server/db/open';
import { createAnthropicProxy } from '../server/gateway/anthropic-proxy';
import { createProviderTokens } from '../server/gateway/provider';
import { createLive } from '../server/live/live';
import { createVisible } from '../server/live/visible';
import { buildUsage } from '../server/usage-parts';
import { Scope } from '../shared/lifecycle';

const BOX = 'benchproxy000001';
const [upstream = '', folder = ''] = process.argv.slice(2);
const masterKey = randomBytes(32);
const log = pino({ level: 'silent' });
const scope = new Scope();
const { db } = await openDb({ url: `file:${folder}/bench.db` });
const live = createLive({ db, log, visible: createVisible({ db }) });
await db.user.create({ data: { id: 'bench', username: 'bench', role: 'admin', passwordHash: 'none' } });
await db.workspace.create({ data: { id: 'bench', name: 'bench' } });
await db.sandbox.create({
  data: {
    ...{ id: BOX, name: 'bench', ownerId: 'bench', workspaceId: 'bench', state: 'running', image: 'x' },
    ...{ hostname: 'x', cpus: 1, memoryMb: 512, pids: 100, timezone: 'UTC', locale: 'C.UTF-8' },
  },
});
// One that stands over it, so that each request is judged.
const of = { target: 'sandbox', targetId: BOX, window: 'month', measure: 'tokens' };
await db.budget.create({ data: { ...of, limit: 1e12, updatedBy: 'bench' } });
const { metering } = await buildUsage(scope, {
  ...{ db, live, audit: createAudit({ log }), log },
  access: async () => undefined,
  wake: () => undefined,
});
const proxy = createAnthropicProxy({ masterKey, log, apiKey: 'sk-bench', baseUrl: upstream, metering });
const server = createServer({ noDelay: true }, (stream) => proxy.serve(BOX, stream)).listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo; // a TCP server
const ready = { port, token: createProviderTokens(masterKey).tokenFor(BOX) };
process.stdout.write(`${JSON.stringify({ ready: true, ...ready })}\n`);
