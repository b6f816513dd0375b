/** What a server of each kind is started with, and the way out that leads to it: fresh keys and passwords each time. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import type { Egress } from '../../shared/egress';
import { soundKeyPair } from '../sandboxes/host-keys';

/** The name that the laboratory's certificate is for. */
export const TLS_NAME = 'proxy.lab.test';

export interface Tls {
  key: string;
  cert: string;
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

export interface ProxyPlan {
  egress: Egress;
  /** sing-box's server side, or another program. */
  server: { singBox: object } | { command: string[] } | { sshd: { hostKey: string; publicKey: string } };
  port: { protocol: 'tcp' | 'udp'; port: number };
}

export function planOf(name: ProxyName, server: string, tls: Tls): ProxyPlan {
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
  ): ProxyPlan => ({
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
