/** sandboxd: the small daemon inside each sandbox, run as its user; at present it joins Claude's API port to the gateway. */
import { SANDBOX_API_PORT } from '../../shared/limits';
import { SANDBOX_GATEWAY_SOCKET } from '../../shared/names';
import { startApiRelay } from './api-relay';

const log = (message: string, fields: Record<string, unknown> = {}) =>
  process.stderr.write(`${JSON.stringify({ part: 'sandboxd', message, ...fields })}\n`);

// Whatever went wrong unforeseen: say it and end. init starts us again, with nothing to repair.
process.on('uncaughtException', (error) => {
  log('failed', { error: error.stack ?? error.message });
  process.exit(1);
});

const relay = await startApiRelay({ port: SANDBOX_API_PORT, gatewaySocket: SANDBOX_GATEWAY_SOCKET });
log('ready', { port: relay.port });

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void relay.close().then(() => process.exit(0));
  });
}
