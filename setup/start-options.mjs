// What the launcher itself needs of the environment; the gateway reads and checks the whole of it. Pure.
import { resolve } from 'node:path';

/** Names of docs/configuration.md that a person sets; a test compares. */
export const SETTINGS = [
  'PORT',
  'HOST',
  'DATA_DIR',
  'DATABASE_URL',
  'PORT_RANGE',
  'ADMIN_USERNAME',
  'ADMIN_PASSWORD',
  'CLOUD_CLAUDE_MODE',
  'CLOUD_CLAUDE_TOKEN',
  'SSH_PROXY_ADDR',
  'HOST_AGENT_MODE',
  'HOST_AGENT_SOCKET',
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_BASE_URL',
  'BASE_DOMAIN',
  'BASE_SCHEME',
  'TRUSTED_PROXY',
  'IDLE_TIMEOUT',
  'CONNECT_URL',
  'ECHO_URLS',
  'DNS_ECHO',
  'PROOF_INTERVAL',
  'EGRESS_HEALTH_INTERVAL',
  'EGRESS_DNS',
  'ECHO_DNS_ADDR',
  'ECHO_DNS_ZONE',
  'ECHO_DNS_NAME',
  'GEOIP_DB',
  'PUSH_CONTACT',
  'PUSH_LOOPBACK',
  'PROVIDER_PRIVATE_HOSTS',
  'METRICS_TOKEN',
  'LOG_LEVEL',
];

export function startOptions({ env, argv, cwd }) {
  const unknown = argv.filter((it) => it !== '--dev');
  if (unknown.length > 0) throw new Error(`unknown argument ${unknown[0]}; known: --dev`);
  const port = Number(env.PORT || 8080);
  return {
    dev: argv.includes('--dev'),
    headless: env.CLOUD_CLAUDE_MODE === 'headless',
    dataDir: resolve(cwd, env.DATA_DIR || 'data'),
    host: env.HOST || '127.0.0.1',
    // A bad one is the gateway's to complain about, together with everything else that is wrong.
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : null,
    agentMode: env.HOST_AGENT_MODE === 'embedded' ? 'embedded' : 'socket',
    agentSocket: env.HOST_AGENT_SOCKET ? resolve(cwd, env.HOST_AGENT_SOCKET) : null,
  };
}

/** The block at the end of a start. */
export function banner({ url, firstAdmin, dataDir }) {
  const lines = ['', `  Cloud Claude is running.`, '', `  Open      ${url}`];
  if (firstAdmin) {
    lines.push(`  User      ${firstAdmin.username}`);
    if (firstAdmin.password)
      lines.push(`  Password  ${firstAdmin.password}   (shown this once; change it under Settings)`);
  }
  lines.push(`  Data      ${dataDir}`, '', '  Ctrl-C stops it; sandboxes keep running.', '');
  return lines.join('\n');
}
