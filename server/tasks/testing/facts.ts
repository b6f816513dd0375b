/** What the bench and the engines in processes of their own have in common. */
import type { EgressDns } from '../../../shared/egress';
import type { ProbeSettings } from '../../../shared/proof';
import type { Timings } from '../attempt';

export const TEST_IMAGE = 'cloud-claude/sandbox:0123456789ab';
export const TEST_KEY = `ssh-ed25519 ${'A'.repeat(68)}`;
export const TEST_PROBES: ProbeSettings = {
  connectUrl: 'http://connect.test/204',
  echoUrls: ['http://echo1.test/', 'http://echo2.test/'],
  dnsEcho: { name: '{unique}.dns.test', type: 'A' },
  intervalSeconds: 900,
};
export const TEST_DNS: EgressDns = { server: '192.0.2.53', transport: 'tcp', name: null };
export const quick: Timings = {
  // A busy machine must not lose it between two heartbeats; that of a killed engine is taken over at once.
  leaseMs: 3_000,
  retryBaseMs: 10,
  stepLimitMs: 10_000,
  observeMs: 1_000,
  pollMs: 100,
};
