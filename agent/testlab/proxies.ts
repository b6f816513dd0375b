/** Real proxy servers of every kind, each in a namespace with an exit address of its own. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { Egress } from '../../shared/egress';
import { run } from '../apply/run';
import { soundKeyPair } from '../sandboxes/host-keys';
import { newestImage } from './lab';
import type { Machine } from './machine';
import { isBound, type Program, type ProgramOptions, startProgram } from './program';

/** The name that the laboratory's certificate is for. */
export const TLS_NAME = 'proxy.lab.test';

export interface Tls {
  key: string;
  cert: string;
}
/** A key and a certificate that is its own authority. */
export async function makeTls(): Promise<Tls> {
  const { stdout } = await run(['sing-box', 'generate', 'tls-keypair', TLS_NAME, '-m', '120']);
  const [key = '', cert = ''] = stdout.split(/(?=-----BEGIN CERT)/);
  return { key: key.trim(), cert: `${cert.trim()}\n` };
}

export const proxyNames = [
  'socks5',
  'microsocks',
  'http',
  'https',
  'ss-2022',
  'ss-aead',
  'vmess-ws',
  'vmess-tls',
  'vless-vision',
  'vless-reality',
  'trojan',
  'hysteria2',
  'tuic',
  'anytls',
  'ssh',
  'wireguard',
] as const;
export type ProxyName = (typeof proxyNames)[number];

export interface ProxyServer {
  name: ProxyName;
  egress: Egress;
  /** What the Internet sees. */
  exit: string;
  /** The name of its network namespace; null where it has none that lasts (sshd). */
  namespace: string | null;
  /** `stop` ends the server at once, the address stays; `start` starts it anew. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Plan {
  egress: Egress;
  /** sing-box's server side, or another program. */
  server: { singBox: object } | { command: string[] } | { sshd: { hostKey: string; publicKey: string } };
  port: { protocol: 'tcp' | 'udp'; port: number };
}

export function createProxies(machine: Machine, tls: Tls) {
  const opened: { stop(): Promise<void> }[] = [];
  let next = 100;
  return {
    async open(name: ProxyName): Promise<ProxyServer> {
      const exit = `192.0.2.${next}`;
      next += 1;
      const plan = planOf(name, exit, tls);
      const { server } = plan;
      if ('sshd' in server) {
        const sshd = await startSshd(machine, exit, { ...server.sshd, port: plan.port.port });
        opened.push({ stop: sshd.remove });
        return { name, egress: plan.egress, exit, namespace: null, stop: sshd.stop, start: sshd.start };
      }
      const namespace = await machine.attach(`p${next}`, exit);
      const command = 'command' in server ? server.command : ['sing-box', 'run', '-c', 'stdin'];
      const options: ProgramOptions = { namespace, ready: plan.port };
      if ('singBox' in server) options.input = JSON.stringify(server.singBox);
      let program: Program | undefined;
      const proxy: ProxyServer = {
        name,
        egress: plan.egress,
        exit,
        namespace: basename(namespace),
        async start() {
          program = await startProgram(command, options);
        },
        async stop() {
          await program?.stop();
        },
      };
      opened.push(proxy);
      await proxy.start();
      return proxy;
    },
    async close(): Promise<void> {
      await Promise.all(opened.map((it) => it.stop()));
    },
  };
}

function planOf(name: ProxyName, server: string, tls: Tls): Plan {
  const password = randomBytes(18).toString('base64url');
  const uuid = randomUUID();
  const clientTls = {
    sni: TLS_NAME,
    insecure: false,
    alpn: [],
    fingerprint: null,
    reality: null,
    certificate: tls.cert,
  };
  const certificate = { certificate: tls.cert.trim().split('\n'), key: tls.key.split('\n') };
  const serverTls = { enabled: true, server_name: TLS_NAME, ...certificate };
  const login = { username: 'lab', password };
  const tcp = (port: number) => ({ protocol: 'tcp' as const, port });
  const udp = (port: number) => ({ protocol: 'udp' as const, port });
  const plain = { transport: { type: 'tcp' as const }, packetEncoding: 'xudp' as const };
  const inbound = (config: object) => ({
    singBox: {
      log: { level: process.env.LAB_LOG ?? 'error' },
      inbounds: [{ listen: '0.0.0.0', ...config }],
      outbounds: [{ type: 'direct' }],
    },
  });
  const shadowsocks = (
    method: '2022-blake3-aes-128-gcm' | 'chacha20-ietf-poly1305',
    secret: string,
  ): Plan => ({
    egress: {
      kind: 'shadowsocks',
      ...{ server, port: 8388, method, password: secret },
      ...{ plugin: null, pluginOptions: '', udpOverTcp: false },
    },
    server: inbound({ type: 'shadowsocks', listen_port: 8388, method, password: secret }),
    port: tcp(8388),
  });

  switch (name) {
    case 'socks5':
      return {
        egress: { kind: 'socks5', server, port: 1080, ...login },
        server: inbound({ type: 'socks', listen_port: 1080, users: [login] }),
        port: tcp(1080),
      };
    case 'microsocks':
      return {
        egress: { kind: 'socks5', server, port: 1081, ...login },
        server: { command: ['microsocks', '-p', '1081', '-u', login.username, '-P', password] },
        port: tcp(1081),
      };
    case 'http':
      return {
        egress: { kind: 'http', server, port: 3128, ...login, tls: null },
        server: inbound({ type: 'http', listen_port: 3128, users: [login] }),
        port: tcp(3128),
      };
    case 'https':
      return {
        egress: { kind: 'http', server, port: 3129, ...login, tls: clientTls },
        server: inbound({ type: 'http', listen_port: 3129, users: [login], tls: serverTls }),
        port: tcp(3129),
      };
    case 'ss-2022':
      return shadowsocks('2022-blake3-aes-128-gcm', randomBytes(16).toString('base64'));
    case 'ss-aead':
      return shadowsocks('chacha20-ietf-poly1305', password);
    case 'vmess-ws':
      return {
        egress: {
          kind: 'vmess',
          ...{ server, port: 8080, uuid, security: 'auto', alterId: 0, tls: null },
          transport: { type: 'ws', path: '/lab', host: TLS_NAME, earlyData: 0, earlyDataHeader: '' },
          packetEncoding: 'xudp',
        },
        server: inbound({
          ...{ type: 'vmess', listen_port: 8080, users: [{ uuid, alterId: 0 }] },
          transport: { type: 'ws', path: '/lab' },
        }),
        port: tcp(8080),
      };
    case 'vmess-tls':
      return {
        egress: {
          kind: 'vmess',
          ...{ server, port: 8443, uuid, security: 'auto', alterId: 0, tls: clientTls },
          ...plain,
        },
        server: inbound({
          ...{ type: 'vmess', listen_port: 8443, users: [{ uuid, alterId: 0 }], tls: serverTls },
        }),
        port: tcp(8443),
      };
    case 'vless-vision':
      return {
        egress: {
          kind: 'vless',
          ...{ server, port: 4443, uuid, flow: 'xtls-rprx-vision' },
          tls: { ...clientTls, fingerprint: 'chrome' },
          ...plain,
        },
        server: inbound({
          ...{
            type: 'vless',
            listen_port: 4443,
            users: [{ uuid, flow: 'xtls-rprx-vision' }],
            tls: serverTls,
          },
        }),
        port: tcp(4443),
      };
    case 'vless-reality': {
      const keys = x25519('base64url');
      const shortId = randomBytes(8).toString('hex');
      // It borrows the handshake of a real server: the laboratory's own web server over TLS 1.3.
      const handshake = { server: '192.0.2.80', server_port: 443 };
      const reality = { enabled: true, handshake, private_key: keys.private, short_id: [shortId] };
      return {
        egress: {
          kind: 'vless',
          ...{ server, port: 443, uuid, flow: 'xtls-rprx-vision' },
          tls: {
            ...{ ...clientTls, certificate: null, fingerprint: 'chrome' },
            reality: { publicKey: keys.public, shortId },
          },
          ...plain,
        },
        server: inbound({
          ...{ type: 'vless', listen_port: 443, users: [{ uuid, flow: 'xtls-rprx-vision' }] },
          tls: { enabled: true, server_name: TLS_NAME, reality },
        }),
        port: tcp(443),
      };
    }
    case 'trojan':
      return {
        egress: {
          kind: 'trojan',
          ...{ server, port: 9443, password, tls: clientTls, transport: { type: 'tcp' } },
        },
        server: inbound({ type: 'trojan', listen_port: 9443, users: [{ password }], tls: serverTls }),
        port: tcp(9443),
      };
    case 'hysteria2': {
      const obfsPassword = randomBytes(18).toString('base64url');
      return {
        egress: {
          kind: 'hysteria2',
          ...{ server, port: 8444, hopPorts: [], password, obfsPassword },
          ...{ upMbps: null, downMbps: null, tls: clientTls },
        },
        server: inbound({
          ...{ type: 'hysteria2', listen_port: 8444, users: [{ password }] },
          ...{ obfs: { type: 'salamander', password: obfsPassword }, tls: { ...serverTls, alpn: ['h3'] } },
        }),
        port: udp(8444),
      };
    }
    case 'tuic':
      return {
        egress: {
          kind: 'tuic',
          ...{ server, port: 8445, uuid, password, congestion: 'cubic', udpRelayMode: 'native' },
          tls: { ...clientTls, alpn: ['h3'] },
        },
        server: inbound({
          ...{ type: 'tuic', listen_port: 8445, users: [{ uuid, password }], congestion_control: 'cubic' },
          tls: { ...serverTls, alpn: ['h3'] },
        }),
        port: udp(8445),
      };
    case 'anytls':
      return {
        egress: { kind: 'anytls', server, port: 8446, password, tls: clientTls },
        server: inbound({ type: 'anytls', listen_port: 8446, users: [{ password }], tls: serverTls }),
        port: tcp(8446),
      };
    case 'ssh': {
      const host = soundKeyPair('lab');
      const client = soundKeyPair('lab');
      return {
        egress: {
          kind: 'ssh',
          ...{ server, port: 2222, user: 'claude', password: null, passphrase: null },
          privateKey: client.private,
          hostKeys: [host.public.trim()],
        },
        server: { sshd: { hostKey: host.private, publicKey: client.public.trim() } },
        port: tcp(2222),
      };
    }
    case 'wireguard': {
      const [own, peer] = [x25519('base64'), x25519('base64')];
      const presharedKey = randomBytes(32).toString('base64');
      return {
        egress: {
          kind: 'wireguard',
          ...{ server, port: 51820, privateKey: own.private, keyId: null, addresses: ['10.66.0.2/32'] },
          ...{ peerPublicKey: peer.public, presharedKey, keepalive: 25, mtu: 1408 },
          ...{ reserved: null, mode: 'userspace' },
        },
        server: {
          singBox: {
            log: { level: process.env.LAB_LOG ?? 'error' },
            endpoints: [
              {
                ...{ type: 'wireguard', tag: 'wg', system: false, mtu: 1408, address: ['10.66.0.1/24'] },
                ...{ private_key: peer.private, listen_port: 51820 },
                peers: [
                  {
                    ...{ public_key: own.public, pre_shared_key: presharedKey },
                    allowed_ips: ['10.66.0.2/32'],
                  },
                ],
              },
            ],
            outbounds: [{ type: 'direct' }],
          },
        },
        port: udp(51820),
      };
    }
  }
}

function x25519(encoding: 'base64' | 'base64url'): { private: string; public: string } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const text = (part: string | undefined) => Buffer.from(part ?? '', 'base64url').toString(encoding);
  return { private: text(jwk.d), public: text(jwk.x) };
}

/**
 * OpenSSH's own server, which a machine for development need not have: from the sandbox image, in a container whose
 * only link is the laboratory's. The keys live as long as the container and open nothing else.
 */
async function startSshd(
  machine: Machine,
  exit: string,
  keys: { hostKey: string; publicKey: string; port: number },
) {
  const name = `ccl-${machine.instance}-sshd`;
  const script = `umask 077; printf %s "$HOST_KEY" >/etc/lab_key; printf '%s\\n' "$USER_KEY" >/etc/lab_users
chmod 644 /etc/lab_users; mkdir -p /run/sshd; exec sleep infinity`;
  const env = { HOST_KEY: keys.hostKey, USER_KEY: keys.publicKey };
  await run([
    ...['docker', 'run', '-d', '--init', '--network', 'none', '--name', name],
    ...Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]),
    ...['--entrypoint', '/bin/sh', await newestImage(), '-c', script],
  ]);
  const pid = Number((await run(['docker', 'inspect', '-f', '{{.State.Pid}}', name])).stdout);
  await machine.attachProcess(pid, exit);
  const at = { protocol: 'tcp' as const, port: keys.port };
  const settings = [
    ...[`Port=${keys.port}`, 'HostKey=/etc/lab_key', 'AuthorizedKeysFile=/etc/lab_users'],
    ...['PasswordAuthentication=no', 'AllowTcpForwarding=yes', 'PidFile=/run/lab.pid', 'StrictModes=no'],
    'MaxStartups=200',
  ];
  async function bound(wanted: boolean) {
    while ((await isBound(pid, at)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  async function start() {
    await run([
      ...['docker', 'exec', name, '/usr/sbin/sshd', '-f', '/dev/null'],
      ...settings.flatMap((it) => ['-o', it]),
    ]);
    await bound(true);
  }
  async function stop() {
    // All of them: a session that is open is a process of its own.
    await run(['docker', 'exec', name, 'pkill', '-KILL', 'sshd'], { okCodes: [0, 1] });
    await bound(false);
  }
  await start();
  return { start, stop, remove: () => run(['docker', 'rm', '-fv', name]).then(() => {}) };
}
