/** Every setting of the gateway, in the order of docs/configuration.md, which is written from this table. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { passwordSchema, usernameSchema } from '../shared/views';
import { MASTER_TOKEN_CHARS } from './auth/api-token';
import { databaseFile } from './db/open';
import {
  connectUrl,
  dnsEcho,
  duration,
  echoUrls,
  egressDns,
  hostName,
  httpUrl,
  isProxy,
  listenAddress,
  portRange,
  proofInterval,
  text,
  yesNo,
} from './setting-values';

interface Setting<S extends z.ZodType, D extends string | null> {
  /** From the variable's text to its value; the message of a failed check says how to mend it. */
  schema: S;
  /** Null or empty = not set. DATA_DIR in it stands for that setting's own value. */
  default: D;
  description: string;
  example: string;
}
const setting = <S extends z.ZodType, const D extends string | null>(it: Setting<S, D>): Setting<S, D> => it;

export const settings = {
  PORT: setting({
    schema: z
      .string()
      .regex(/^\d{1,5}$/, 'Give a port from 0 to 65535.')
      .transform(Number)
      .refine((it) => it <= 65_535, 'Give a port from 0 to 65535.'),
    default: '8080',
    description: 'Port of the web app and all APIs. 0 takes a free one.',
    example: '3000',
  }),
  HOST: setting({
    schema: text.regex(/^[A-Za-z0-9.:_-]+$/, 'Give an address or a host name without a port.'),
    default: '127.0.0.1',
    description:
      'Address to listen on. Anything but loopback belongs behind a reverse proxy that speaks HTTPS.',
    example: '0.0.0.0',
  }),
  DATA_DIR: setting({
    schema: text.transform((it) => resolve(it)),
    default: './data',
    description: 'Folder of everything that is kept: database, keys, the instance id.',
    example: '/var/lib/cloud-claude',
  }),
  DATABASE_URL: setting({
    schema: text.superRefine((it, ctx) => {
      if (/^postgres(ql)?:/.test(it)) {
        ctx.addIssue({
          code: 'custom',
          message: 'PostgreSQL is not served yet; leave it out or give a file: URL.',
        });
        return;
      }
      try {
        databaseFile(it);
      } catch {
        ctx.addIssue({ code: 'custom', message: 'Give a file: URL such as file:./data/db/cloud-claude.db.' });
      }
    }),
    default: 'file:DATA_DIR/db/cloud-claude.db',
    description: 'The SQLite database. PostgreSQL is not served yet.',
    example: 'file:/var/lib/cloud-claude/db/cloud-claude.db',
  }),
  PORT_RANGE: setting({
    schema: portRange,
    default: null,
    description:
      'Ports of this machine, FIRST-LAST, that people and programs may map to ports of sandboxes. They listen on HOST and take API tokens only. Without it nothing is mapped.',
    example: '9000-9019',
  }),
  ADMIN_USERNAME: setting({
    schema: usernameSchema,
    default: 'admin',
    description: 'Name of the first administrator. Read at the first start only.',
    example: 'ada',
  }),
  ADMIN_PASSWORD: setting({
    schema: passwordSchema,
    default: null,
    description:
      'Password of the first administrator. Read at the first start only; without it one is made and shown once.',
    example: 'a long sentence of your own',
  }),
  CLOUD_CLAUDE_MODE: setting({
    schema: z.enum(['default', 'headless'], 'Give default or headless.'),
    default: 'default',
    description: 'headless serves the APIs only: no pages, and the start is faster.',
    example: 'headless',
  }),
  CLOUD_CLAUDE_TOKEN: setting({
    schema: text
      .regex(/^[\x21-\x7e]*$/, 'Give a token without spaces, in plain ASCII.')
      .min(MASTER_TOKEN_CHARS.min, `Give at least ${MASTER_TOKEN_CHARS.min} characters.`)
      .max(MASTER_TOKEN_CHARS.max, `Give at most ${MASTER_TOKEN_CHARS.max} characters.`),
    default: null,
    description:
      'Master token of the APIs, for set-ups without a browser: it may do all that the longest-standing administrator may. Without it there is none.',
    example: 'a-long-random-text-of-your-own-making',
  }),
  SSH_PROXY_ADDR: setting({
    schema: listenAddress,
    default: null,
    description:
      'Address of the SSH server: ssh -p PORT SANDBOX@GATEWAY, VS Code, scp, rsync, git (docs/ssh.md). Without it there is none.',
    example: '0.0.0.0:2222',
  }),
  HOST_AGENT_MODE: setting({
    schema: z.enum(['socket', 'embedded'], 'Give socket or embedded.'),
    default: 'socket',
    description:
      'How the privileged agent runs: its own process behind a socket, or inside this one (development; needs root).',
    example: 'embedded',
  }),
  HOST_AGENT_SOCKET: setting({
    schema: text
      .transform((it) => resolve(it))
      .refine(
        (it) => Buffer.byteLength(it) <= 107,
        'Give a path of at most 107 bytes: the kernel takes no longer socket path. A shorter DATA_DIR helps too.',
      ),
    default: 'DATA_DIR/run/agent.sock',
    description: "The agent's Unix socket.",
    example: '/run/cloud-claude/agent.sock',
  }),
  ANTHROPIC_API_KEY: setting({
    schema: text.regex(/^\S+$/, 'Give the key without spaces or line ends.'),
    default: null,
    description: 'API key for Claude in all sandboxes. It stays with the gateway and never enters a sandbox.',
    example: 'sk-ant-...',
  }),
  ANTHROPIC_AUTH_TOKEN: setting({
    schema: text.regex(/^\S+$/, 'Give the token without spaces or line ends.'),
    default: null,
    description: 'Bearer token instead of an API key, for gateways that speak the same API.',
    example: 'token-...',
  }),
  ANTHROPIC_BASE_URL: setting({
    schema: httpUrl.transform((it) => it.replace(/\/+$/, '')),
    default: 'https://api.anthropic.com',
    description: "Where Claude's API requests go.",
    example: 'https://llm.example.org',
  }),
  BASE_DOMAIN: setting({
    schema: hostName,
    default: null,
    description:
      'Host name people open. When set, requests for other hosts are refused (but /healthz and /metrics on a loopback name).',
    example: 'claude.example.org',
  }),
  BASE_SCHEME: setting({
    schema: z.enum(['http', 'https'], 'Give http or https.'),
    default: 'http',
    description: 'Scheme people open it with. https makes cookies Secure and sends HSTS.',
    example: 'https',
  }),
  TRUSTED_PROXY: setting({
    schema: text
      .transform((it) =>
        it
          .split(',')
          .map((entry) => entry.trim())
          .filter(Boolean),
      )
      .refine(
        (it) => it.every(isProxy),
        'Give addresses or networks with commas between, such as 127.0.0.1,10.0.0.0/8.',
      ),
    default: '',
    description:
      'Reverse proxies whose X-Forwarded-For, -Host and -Proto are believed. Without it, all people behind one share its log-in throttle.',
    example: '127.0.0.1,10.0.0.0/8',
  }),
  IDLE_TIMEOUT: setting({
    schema: duration,
    default: '0',
    description: 'Pause a sandbox that nobody looks at and that has done nothing for this long. 0 = never.',
    example: '30m',
  }),
  CONNECT_URL: setting({
    schema: connectUrl,
    default: 'https://www.gstatic.com/generate_204',
    description:
      'What a proof connects to from inside a sandbox: answers 200 or 204 when the Internet is there. none = not checked: then no gate opens.',
    example: 'https://gateway.example.org/healthz',
  }),
  ECHO_URLS: setting({
    schema: echoUrls,
    default: 'https://api.ipify.org,https://checkip.amazonaws.com,https://ipv4.icanhazip.com',
    description:
      'Services that tell a caller its address; two of them must agree on the exit address of a sandbox. Your own: /echo/ip of any Cloud Claude. none = not checked: then no gate opens.',
    example: 'https://gateway.example.org/echo/ip,https://other.example.net/echo/ip',
  }),
  DNS_ECHO: setting({
    schema: dnsEcho,
    default: 'whoami.akamai.net',
    description:
      'Name whose answer (A, or TXT when that stands after it) is the address of the resolver that asked. {unique} becomes a fresh label. Your own: see ECHO_DNS_ZONE. none = not checked: then no gate opens.',
    example: '{unique}.echo.example.org TXT',
  }),
  PROOF_INTERVAL: setting({
    schema: proofInterval,
    default: '15m',
    description: 'Time from one proof of a running sandbox to the next, 30s to 1d.',
    example: '5m',
  }),
  EGRESS_HEALTH_INTERVAL: setting({
    schema: duration,
    default: '15m',
    description:
      'Time from one test to the next of a way out that serves no sandbox. Those that serve one are known by its proofs. 0 = off.',
    example: '1h',
  }),
  EGRESS_DNS: setting({
    schema: egressDns,
    default: 'tcp://1.1.1.1',
    description:
      'Who is asked for names through an egress that names no server of its own. Sandboxes with a direct way out ask the resolvers of the host.',
    example: 'tls://9.9.9.9#dns.quad9.net',
  }),
  ECHO_DNS_ADDR: setting({
    schema: listenAddress,
    default: null,
    description:
      'Address of a DNS server (UDP and TCP) that answers every name under ECHO_DNS_ZONE with the address of who asked. Port 53 needs CAP_NET_BIND_SERVICE.',
    example: '198.51.100.7:53',
  }),
  ECHO_DNS_ZONE: setting({
    schema: hostName,
    default: null,
    description: 'Zone of that server. Delegate it by an NS record to ECHO_DNS_NAME.',
    example: 'echo.example.org',
  }),
  ECHO_DNS_NAME: setting({
    schema: hostName,
    default: null,
    description: 'Name of this machine in that NS record, outside the zone. Without it BASE_DOMAIN.',
    example: 'gateway.example.org',
  }),
  GEOIP_DB: setting({
    schema: text.transform((it) => resolve(it)),
    default: null,
    description: 'A MaxMind-format country database (.mmdb): exit addresses are shown with their country.',
    example: '/var/lib/GeoIP/GeoLite2-Country.mmdb',
  }),
  PUSH_CONTACT: setting({
    schema: text.regex(
      /^(mailto:[^\s@]+@[^\s@]+|https:\/\/\S+)$/,
      'Give mailto:NAME@HOST or an https:// address.',
    ),
    default: null,
    description:
      'Where operators of push services reach you; browsers’ notifications carry it. Without it https://BASE_DOMAIN.',
    example: 'mailto:ops@example.org',
  }),
  PUSH_LOOPBACK: setting({
    schema: yesNo,
    default: 'no',
    description: 'yes lets notifications go to push services on this machine: for tests only.',
    example: 'yes',
  }),
  PROVIDER_PRIVATE_HOSTS: setting({
    schema: yesNo,
    default: 'no',
    description:
      'yes lets people name hosts of private networks and plain http as their own Claude-compatible provider. The gateway connects to them.',
    example: 'yes',
  }),
  METRICS_TOKEN: setting({
    schema: text.regex(/^[\x21-\x7e]{16,}$/, 'Give at least 16 characters without spaces.'),
    default: null,
    description: 'Bearer token for /metrics. Without it there is no /metrics.',
    example: 'a-long-random-text',
  }),
  LOG_LEVEL: setting({
    schema: z.enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'Give fatal, error, warn, info, debug, trace or silent.',
    ),
    default: 'info',
    description: 'How much is logged, as JSON lines on stderr.',
    example: 'debug',
  }),
  SANDBOX_IMAGE: setting({
    schema: text.regex(
      /^cloud-claude\/sandbox:[0-9a-f]{12,64}$/,
      'Leave it to npm start, which sets it to the image it built.',
    ),
    default: null,
    description: 'Image of new sandboxes. Set by npm start.',
    example: 'cloud-claude/sandbox:0123456789ab',
  }),
  NODE_ENV: setting({
    schema: z.enum(['production', 'development', 'test'], 'Give production or development.'),
    default: 'production',
    description: 'development compiles pages while you work on them. Set by npm run dev.',
    example: 'development',
  }),
};
