/** The product's gateway as a process of its own, without pages: settings from the environment, as always. */
import { pino } from 'pino';
import { startGateway } from '../server/compose';
import { loadConfig } from '../server/config';

const config = loadConfig();
const log = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
const gateway = await startGateway({ config, log, version: 'bench' });
process.stdout.write(`${JSON.stringify({ ready: true, url: gateway.url })}\n`);
process.once('SIGTERM', () => void gateway.close().then(() => process.exit(0)));
