/**
 * sandboxd: the small daemon inside each sandbox, run as its user. It joins Claude's API port to the gateway, and
 * writes what happens in each Claude Code session to a journal that the gateway reads.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SANDBOX_API_PORT } from '../../shared/limits';
import { SANDBOX_GATEWAY_SOCKET } from '../../shared/sandbox-places';
import { SANDBOX_HOOK_PORT, SANDBOXD_SOCKET } from '../../shared/sandboxd-limits';
import { createApiObserver } from './api-observer';
import { startApiServer } from './api-server';
import { startApiTap } from './api-tap';
import { startBeat } from './beat';
import { startHookServer } from './hook-server';
import { answerHooks } from './hooks/api';
import { HookStore } from './hooks/store';
import { askHooks, takeHook } from './hooks/take';
import { keepMemorySmall } from './memory';
import { object } from './message-events';
import { Sessions } from './sessions';
import { type Spooled, watchSpool } from './spool';

const log = (message: string, fields: Record<string, unknown> = {}) =>
  process.stderr.write(`${JSON.stringify({ part: 'sandboxd', message, ...fields })}\n`);

// Whatever went wrong unforeseen: say it and end. init starts us again, and the journal is whole at any moment.
process.on('uncaughtException', (error) => {
  log('failed', { error: error.stack ?? error.message });
  process.exit(1);
});

const beatFile = process.env.CC_BEAT;
// For this process alone (init says why); hooks of users are started from here.
for (const name of Object.keys(process.env)) if (/^(MALLOC_|CC_BEAT)/.test(name)) delete process.env[name];

let sessions: Sessions | null = null;

// First of all the way to the API: Claude needs it whatever becomes of the frames.
const tap = await startApiTap({
  port: SANDBOX_API_PORT,
  gatewaySocket: SANDBOX_GATEWAY_SOCKET,
  observe: () => createApiObserver((exchange) => sessions?.open(exchange) ?? null),
  onObserverError: (error) => log('tap', { error: String(error) }),
});

const memory = keepMemorySmall();
const state = join(homedir(), '.cloud-claude');
const found = new Sessions({ home: homedir(), log });
sessions = found;

function takeSpooled({ session, event, body }: Spooled): void {
  const entry = found.ensure(session);
  entry.seenAt = Date.now();
  if (event === 'exit') void entry.session.pull().then(() => entry.session.exited(Number(body.trim())));
  else void entry.session.hook({ name: event, payload: object(JSON.parse(body)) });
}

const onError = (part: string) => (error: unknown) => log(part, { error: String(error) });
const spool = watchSpool({ folder: join(state, 'spool'), take: takeSpooled, onError: onError('spool') });
const store = new HookStore({ home: homedir() });
const hooks = await startHookServer({
  port: SANDBOX_HOOK_PORT,
  sessionsFolder: join(state, 'sessions'),
  take: (id, event, signal) => takeHook({ store, ...found.ensure(id), event, signal }),
  ask: (id, event, signal) => askHooks({ store, ...found.ensure(id), event, signal }),
  onError: onError('hook'),
});
const api = await startApiServer({
  ...{ socket: SANDBOXD_SOCKET, home: homedir(), sessions: found, log },
  hooks: (asked) => answerHooks(store, asked),
});
const beat = startBeat(beatFile);
log('ready', { port: tap.port, sessions: found.size });

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    beat.close();
    memory.close();
    spool.close();
    found.close();
    void Promise.all([tap.close(), hooks.close(), api.close()]).then(() => process.exit(0));
  });
}
