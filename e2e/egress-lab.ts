/**
 * An Internet behind a veth of this machine: echo services, a DNS zone and a real Shadowsocks server, in a network
 * namespace. Nothing in it leaves the machine. The servers are the laboratory's of the agent's tests, as programs.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './product';
import { until } from './until';

const run = promisify(execFile);
const ZONE = 'lab.test';
/** Network addresses of blocks of four: no test gives them to a link, and no real LAN has them. */
const WEB = ['198.51.100.196', '198.51.100.200'] as const;
const NAME_SERVER = '198.51.100.204';
const PORT = 8388;
const METHOD = 'chacha20-ietf-poly1305';
/** The agent's root tests have 198.51.100.0 to .239. */
const FIRST_BLOCK = 240;
const READY_MS = 15_000;

export interface EgressLab {
  /** The proxy server's own address: what its users are seen with. */
  exit: string;
  /** Its share link. */
  link: string;
  /** Settings of the product: whom its proofs ask. */
  env: Record<string, string>;
  /** Puts a text on the laboratory's web server; gives its address. */
  publish(path: string, text: string): Promise<string>;
  startProxy(): Promise<void>;
  /** Ends it at once, as a crash would. */
  killProxy(): Promise<void>;
  close(): Promise<void>;
}

export async function createEgressLab(): Promise<EgressLab> {
  const id = randomBytes(3).toString('hex');
  const namespace = `cce-${id}`;
  const link = `cce${id}`;
  const block = FIRST_BLOCK + 4 * (randomBytes(1).readUInt8() % 4);
  const [here, exit] = [`198.51.100.${block + 1}`, `198.51.100.${block + 2}`];
  const password = randomBytes(18).toString('base64url');
  const programs: ChildProcess[] = [];
  let proxy: ChildProcess | null = null;
  let web: ChildProcess | null = null;
  const inside = (...args: string[]) => run('ip', ['-n', namespace, ...args]);

  function start(command: readonly string[]): ChildProcess {
    // Ends with this process, whatever that dies of.
    const args = ['--pdeathsig', 'KILL', '--', 'ip', 'netns', 'exec', namespace, ...command];
    const child = spawn('setpriv', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    programs.push(child);
    return child;
  }
  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  async function close(): Promise<void> {
    await Promise.all(programs.map(end));
    await run('ip', ['link', 'delete', link]).catch(() => undefined);
    await run('ip', ['netns', 'delete', namespace]).catch(() => undefined);
  }
  async function startProxy(): Promise<void> {
    const config = {
      log: { level: 'error' },
      inbounds: [{ type: 'shadowsocks', listen: exit, listen_port: PORT, method: METHOD, password }],
      // The echo services are on this machine as well, which would choose their own address as its own.
      outbounds: [{ type: 'direct', inet4_bind_address: exit }],
    };
    proxy = start(['sing-box', 'run', '-c', 'stdin']);
    proxy.stdin?.end(JSON.stringify(config));
    await until('the proxy listens', READY_MS, async () => {
      const { stdout } = await run('ip', ['netns', 'exec', namespace, 'ss', '-ltnH', `sport = :${PORT}`]);
      return stdout !== '';
    });
  }

  try {
    await run('ip', ['netns', 'add', namespace]);
    await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
    await run('ip', ['addr', 'add', `${here}/30`, 'dev', link]);
    await run('ip', ['link', 'set', link, 'up']);
    await inside('addr', 'add', `${exit}/30`, 'dev', 'eth0');
    await inside('link', 'set', 'lo', 'up');
    await inside('link', 'set', 'eth0', 'up');
    for (const it of [...WEB, NAME_SERVER]) {
      await inside('addr', 'add', `${it}/32`, 'dev', 'lo');
      // For sandboxes that go out by the host itself. Goes with the link.
      await run('ip', ['route', 'replace', `${it}/32`, 'via', exit, 'dev', link]);
    }
    const roles = {
      http: WEB.map((host) => ({ host, port: 80 })),
      zone: { hosts: [NAME_SERVER], name: ZONE, answer: WEB[0] },
    };
    const services = join(root, 'agent/testlab/services.mjs');
    const child = start([process.execPath, services, JSON.stringify(roles)]);
    web = child;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the laboratory's servers ended with ${code}`)));
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('"ready":true')) resolve();
      });
    });
    await startProxy();
  } catch (error) {
    await close();
    throw error;
  }
  const user = Buffer.from(`${METHOD}:${password}`).toString('base64url');
  return {
    exit,
    link: `ss://${user}@${exit}:${PORT}#Lab%20exit`,
    env: {
      CONNECT_URL: `http://${WEB[0]}/generate_204`,
      ECHO_URLS: `http://${WEB[0]}/ip,http://${WEB[1]}/json`,
      DNS_ECHO: `{unique}.who.${ZONE} TXT`,
      EGRESS_DNS: `tcp://${NAME_SERVER}`,
    },
    async publish(path, text) {
      const url = `http://${WEB[0]}${path}`;
      web?.stdin?.write(`${JSON.stringify({ pages: { [path]: text } })}\n`);
      await until('the text is there', READY_MS, async () => {
        const { stdout } = await run('ip', ['netns', 'exec', namespace, 'curl', '-sS', url]);
        return stdout === text;
      });
      return url;
    },
    startProxy,
    async killProxy() {
      if (proxy) await end(proxy);
    },
    close,
  };
}
