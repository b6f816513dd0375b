/** The gateway's settings as its parts read them. The only reader of process.env. */
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { EgressDns } from '../shared/egress';
import type { ProbeSettings } from '../shared/proof';
import type { Reach } from './outbound/addresses';
import { settings } from './settings';

type Settings = typeof settings;
type SettingName = keyof Settings;
type Value<K extends SettingName> = z.output<Settings[K]['schema']>;
/** As far as they were right. */
type Parsed = { [K in SettingName]?: Value<K> };
/** All of them right: undefined only where there is no default. */
type Values = {
  [K in SettingName]: Value<K> | (Settings[K]['default'] extends null | '' ? undefined : never);
};

export interface Config {
  port: number;
  host: string;
  dataDir: string;
  databaseUrl: string;
  /** Ports that may be mapped to sandboxes; null: none. */
  portRange: { first: number; last: number } | null;
  adminUsername: string;
  adminPassword: string | null;
  /** No pages: only the APIs. */
  headless: boolean;
  masterToken: string | null;
  /** Where the SSH proxy listens; null: there is none. */
  sshProxy: { host: string; port: number } | null;
  agentMode: 'socket' | 'embedded';
  agentSocket: string;
  anthropic: { apiKey: string | null; authToken: string | null; baseUrl: string };
  baseDomain: string | null;
  baseScheme: 'http' | 'https';
  trustedProxy: string[];
  /** 0 = off. */
  idleTimeoutMs: number;
  /** What proofs of ways out ask, unless a sandbox's network says otherwise. */
  probes: ProbeSettings;
  /** Between two tests of a way out that serves nobody; 0 = off. */
  egressHealthMs: number;
  egressDns: EgressDns;
  echoDns: { host: string; port: number; zone: string; name: string } | null;
  geoipDb: string | null;
  metricsToken: string | null;
  push: {
    /** mailto: or https:, for operators of push services. */
    contact: string;
    reach: Reach;
  };
  /** Which hosts people may name as their own provider. */
  providerReach: Reach;
  logLevel: string;
  sandboxImage: string | null;
  dev: boolean;
}

/** What is wrong with one setting. Never holds the value: it may be a secret. */
interface Problem {
  name: string;
  mend: string;
}

export class ConfigError extends Error {
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    super(
      [
        problems.length === 1 ? 'One setting is not right:' : `${problems.length} settings are not right:`,
        ...problems.map((it) => `  ${it.name}: ${it.mend}`),
        'All settings: docs/configuration.md',
      ].join('\n'),
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Parses all settings. An empty variable counts as not set. Throws ConfigError with every problem at once. */
export function loadConfig(env: Record<string, string | undefined> = process.env): Config {
  const problems: Problem[] = [];
  const given = (name: SettingName) => env[name] || undefined;
  const dataDir = resolve(given('DATA_DIR') ?? settings.DATA_DIR.default);
  const filled = (name: SettingName) => settings[name].default?.replace('DATA_DIR', () => dataDir);
  const parsed: Parsed = {};
  function parse<N extends SettingName>(name: N): void {
    const raw = given(name) ?? (filled(name) || undefined);
    if (raw === undefined) return;
    const result = settings[name].schema.safeParse(raw);
    // The schema is this setting's own; indexing loses that.
    if (result.success) parsed[name] = result.data as Parsed[N];
    else problems.push({ name, mend: result.error.issues[0]?.message ?? 'This value is not right.' });
  }
  for (const name of Object.keys(settings) as SettingName[]) parse(name);
  if (parsed.ANTHROPIC_API_KEY && parsed.ANTHROPIC_AUTH_TOKEN)
    problems.push({ name: 'ANTHROPIC_AUTH_TOKEN', mend: 'Give this or ANTHROPIC_API_KEY, not both.' });
  const echoDns = echoDnsOf(parsed, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  // Without a problem every setting with a default has a value.
  return configOf(parsed as Values, echoDns);
}

function configOf(values: Values, echoDns: Config['echoDns']): Config {
  return {
    port: values.PORT,
    host: values.HOST,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    portRange: values.PORT_RANGE ?? null,
    adminUsername: values.ADMIN_USERNAME,
    adminPassword: values.ADMIN_PASSWORD ?? null,
    headless: values.CLOUD_CLAUDE_MODE === 'headless',
    masterToken: values.CLOUD_CLAUDE_TOKEN ?? null,
    sshProxy: values.SSH_PROXY_ADDR ?? null,
    agentMode: values.HOST_AGENT_MODE,
    agentSocket: values.HOST_AGENT_SOCKET,
    anthropic: {
      apiKey: values.ANTHROPIC_API_KEY ?? null,
      authToken: values.ANTHROPIC_AUTH_TOKEN ?? null,
      baseUrl: values.ANTHROPIC_BASE_URL,
    },
    baseDomain: values.BASE_DOMAIN ?? null,
    baseScheme: values.BASE_SCHEME,
    trustedProxy: values.TRUSTED_PROXY ?? [],
    idleTimeoutMs: values.IDLE_TIMEOUT,
    probes: {
      connectUrl: values.CONNECT_URL,
      echoUrls: values.ECHO_URLS,
      dnsEcho: values.DNS_ECHO,
      intervalSeconds: values.PROOF_INTERVAL,
    },
    egressHealthMs: values.EGRESS_HEALTH_INTERVAL,
    egressDns: values.EGRESS_DNS,
    echoDns,
    geoipDb: values.GEOIP_DB ?? null,
    metricsToken: values.METRICS_TOKEN ?? null,
    push: {
      contact: values.PUSH_CONTACT ?? `https://${values.BASE_DOMAIN ?? 'localhost'}`,
      reach: values.PUSH_LOOPBACK ? 'loopback' : 'public',
    },
    providerReach: values.PROVIDER_PRIVATE_HOSTS ? 'private' : 'public',
    logLevel: values.LOG_LEVEL,
    sandboxImage: values.SANDBOX_IMAGE ?? null,
    dev: values.NODE_ENV === 'development',
  };
}

function echoDnsOf(parsed: Parsed, problems: Problem[]): Config['echoDns'] {
  const { ECHO_DNS_ADDR: at, ECHO_DNS_ZONE: zone } = parsed;
  const name = parsed.ECHO_DNS_NAME ?? parsed.BASE_DOMAIN;
  if (at === undefined && zone === undefined) return null;
  if (at === undefined || zone === undefined) {
    const missing = at === undefined ? 'ECHO_DNS_ADDR' : 'ECHO_DNS_ZONE';
    // One that was given and refused has told its own problem.
    if (!problems.some((it) => it.name === missing))
      problems.push({ name: missing, mend: 'Give ECHO_DNS_ADDR and ECHO_DNS_ZONE, or neither.' });
    return null;
  }
  if (name === undefined || name === zone || name.endsWith(`.${zone}`)) {
    const mend = 'Give the name of this machine in the NS record; it must lie outside ECHO_DNS_ZONE.';
    problems.push({ name: 'ECHO_DNS_NAME', mend });
    return null;
  }
  return { ...at, zone, name };
}

/**
 * next-auth reads the environment by itself: it believes the host we hand it only with this, and a NEXTAUTH_URL left
 * over from another program would win over it.
 */
export function trustOurHostHeader(): void {
  process.env.AUTH_TRUST_HOST = '1';
  delete process.env.NEXTAUTH_URL;
}

/**
 * Hands Next the configuration that its build resolved (JSON), as its own standalone `server.js` does: otherwise it
 * reads next.config.ts and loads a compiler for that into the running gateway (25 MB).
 */
export function handOverNextConfig(json: string): void {
  process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = json;
}
