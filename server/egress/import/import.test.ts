import { describe, expect, test } from 'vitest';
import { importEgresses } from './import';

const uuid = '9b4d3b1c-7a5e-4f60-8a6b-0c1d2e3f4a5b';
const key = `${'A'.repeat(43)}=`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const one = (text: string) => {
  const { entries, problem } = importEgresses(text);
  expect({ problem, count: entries.length }).toEqual({ problem: null, count: 1 });
  return entries[0];
};

describe('share links as clients write them', () => {
  test.each([
    ['socks5://user:p%40ss@198.51.100.7:1080#Home', { username: 'user', password: 'p@ss', port: 1080 }],
    [`socks://${base64('user:pass')}@proxy.example.org:1080`, { username: 'user', password: 'pass' }],
    ['https://user:pass@proxy.example.org:8443?sni=a.example', { kind: 'http', tls: { sni: 'a.example' } }],
    [
      `ss://${base64('aes-256-gcm:pa:ss/@').replace(/=+$/, '')}@h.example:8388/?plugin=obfs-local%3Bobfs%3Dhttp#x`,
      { password: 'pa:ss/@', plugin: 'obfs-local', pluginOptions: 'obfs=http' },
    ],
    [
      `ss://${base64('chacha20-poly1305:p@ss#1@h.example:8388')}#old`,
      {
        method: 'chacha20-ietf-poly1305',
        password: 'p@ss#1',
        server: 'h.example',
      },
    ],
    [
      `ss://2022-blake3-aes-256-gcm:${encodeURIComponent(key)}@h.example:8388`,
      { method: '2022-blake3-aes-256-gcm', password: key },
    ],
    [
      `vmess://${base64(
        JSON.stringify({
          v: '2',
          ps: 'Tokyo',
          add: 'h.example',
          port: '443',
          id: uuid,
          aid: 0,
          net: 'ws',
          type: 'none',
          host: 'cdn.example',
          path: '/ws?ed=2048',
          tls: 'tls',
        }),
      )}`,
      {
        uuid,
        packetEncoding: 'none',
        tls: { sni: null },
        transport: { path: '/ws', earlyData: 2048, earlyDataHeader: 'Sec-WebSocket-Protocol' },
      },
    ],
    [
      `vmess://${uuid}@h.example:443?encryption=auto&security=tls&type=grpc&serviceName=svc`,
      { transport: { type: 'grpc', serviceName: 'svc' }, tls: { insecure: false } },
    ],
    [
      `vless://${uuid}@198.51.100.7:443?encryption=none&flow=xtls-rprx-vision&security=reality&sni=www.example.com&fp=chrome&pbk=${'A'.repeat(43)}&sid=01ab&type=tcp&headerType=none#R`,
      { flow: 'xtls-rprx-vision', tls: { reality: { shortId: '01ab' }, fingerprint: 'chrome' } },
    ],
    [
      'trojan://p%23w@h.example:443?peer=a.example&allowInsecure=1',
      {
        password: 'p#w',
        tls: { sni: 'a.example', insecure: true },
      },
    ],
    [
      'hysteria2://user:pw@h.example:443,20000-30000/?obfs=salamander&obfs-password=o&insecure=1',
      { password: 'user:pw', port: 443, hopPorts: ['20000:30000'], obfsPassword: 'o' },
    ],
    ['hy2://pw@h.example?mport=20000-30000', { port: 20000, hopPorts: ['20000:30000'] }],
    [
      `tuic://${uuid}:pw@h.example:443?congestion_control=bbr&alpn=h3&udp_relay_mode=quic`,
      { congestion: 'bbr', udpRelayMode: 'quic', tls: { alpn: ['h3'] } },
    ],
    ['anytls://pw@h.example:8443/?insecure=1&sni=a.example', { kind: 'anytls', tls: { insecure: true } }],
    ['ssh://me:pw@h.example', { kind: 'ssh', user: 'me', port: 22 }],
    [
      `wireguard://${encodeURIComponent(key)}@h.example:51820?publickey=${key}&address=10.0.0.2,fd00::2/128&reserved=1,2,3`,
      { addresses: ['10.0.0.2/32'], reserved: [1, 2, 3], peerPublicKey: key },
    ],
    [
      `wg://h.example:51820?publicKey=${key}&privateKey=${key}&ip=10.0.0.2/32&mtu=1300&reserved=AQID`,
      { mtu: 1300, reserved: [1, 2, 3] },
    ],
  ])('%s', (link, expected) => {
    expect(one(link)).toMatchObject({ problem: null, config: expected });
  });
});

test('an international name becomes ASCII and a final dot goes', () => {
  expect(one('socks5://Bücher.example.:1080')?.config).toMatchObject({ server: 'xn--bcher-kva.example' });
  expect(one('socks5://b%C3%BCcher.example:1080')?.config).toMatchObject({ server: 'xn--bcher-kva.example' });
});

describe('labels', () => {
  test('are decoded, clean and unique', () => {
    const text = [
      'socks5://a.example:1#%F0%9F%87%AF%F0%9F%87%B5%20Tokyo%0A%1b%5B31m',
      'socks5://b.example:1#Same',
      'socks5://c.example:1#Same',
      'socks5://d.example:1#Same%202',
      'socks5://e.example:1',
      'socks5://e.example:1',
      'socks5://f.example:1#%zz',
      'socks5://g.example:1#evil%E2%80%AEtxt.exe',
      `socks5://h.example:1#${'x'.repeat(200)}`,
    ].join('\n');
    expect(importEgresses(text).entries.map((it) => it.label)).toEqual([
      '🇯🇵 Tokyo [31m',
      'Same',
      'Same 2',
      'Same 2 2',
      'socks5 e.example',
      'socks5 e.example 2',
      '%zz',
      'evil txt.exe',
      'x'.repeat(64),
    ]);
  });
});

describe('what is wrong is told by line and field, without the secret', () => {
  test.each([
    ['ssr://abc', 'Links of type "ssr" are not supported'],
    ['socks5://[2001:db8::1]:1080', 'server: IPv6'],
    ['socks5://h.example:99999', 'port:'],
    ['socks5://h.example:secret', 'port: must be a whole number'],
    ['socks5://u:%zzsecret@h.example:1', 'password: has a percent sign'],
    ['https://h.example/sub?token=secret', 'subscription'],
    ['ss://secret!@h.example:1', 'ss://'],
    ['ss://cmM0LW1kNTpzZWNyZXQ@h.example:1', 'method:'],
    ['vmess://secret', 'vmess://'],
    [`vless://${uuid}@h.example:1?type=xhttp`, 'type: the transport "xhttp" is not supported'],
    [`vless://${uuid}@h.example:1?type=kcp`, '"kcp"'],
    [`vless://${uuid}@h.example:1?flow=xtls-rprx-vision`, 'flow: xtls-rprx-vision needs TLS'],
    ['vless://secret@h.example:1', 'uuid:'],
    [`vless://${uuid}@h.example:1?encryption=mlkem768`, 'encryption:'],
    ['trojan://secret@h.example:1?security=none', 'security:'],
    ['hysteria2://secret@h.example:1?pinSHA256=secret', 'pinSHA256:'],
    ['hysteria2://secret@h.example:1?obfs=other', 'obfs:'],
    ['trojan://h.example:1', 'password: is missing'],
    ['wireguard://secret@h.example:1?address=10.0.0.2', 'publickey: is missing'],
    [`wg://h.example:1?privateKey=${key}&publicKey=${key}&ip=fd00::2`, 'address: an IPv4 address'],
    ['not a link', 'is no share link'],
  ])('%s', (line, problem) => {
    const { entries } = importEgresses(`# a comment\n\nsocks5://fine.example:1080\n${line}\n`);
    expect(entries).toMatchObject([
      { line: 3, problem: null },
      { line: 4, config: null },
    ]);
    expect(entries[1]?.problem).toContain(problem);
    expect(entries[1]?.problem).not.toContain('secret');
  });
  test.each([
    ['', 'empty'],
    ['hello there', 'not understood'],
    [base64('hello there, nothing here'), 'no share links'],
    ['{"outbounds": [', 'JSON cannot be read'],
    ['{"log": {}}', 'no outbound'],
    ['proxies:\n  - {name: a, password: secret\nx', 'YAML cannot be read (line 3)'],
    ['proxies:\n  - *gone\n', 'YAML cannot be read'],
    ['proxies: []\n---\nproxies: []\n', 'more than one document'],
    [`proxies: ${'['.repeat(200)}`, 'nests deeper than 100 levels'],
    [`proxies:\n ${'- '.repeat(200)}`, 'nests deeper than 100 levels'],
    [`proxies:\n ${'? '.repeat(200)}`, 'nests deeper than 100 levels'],
    ['proxies: 3', 'no list'],
    ['x'.repeat(1_000_001), 'longer than'],
  ])('as a whole: %.40s', (text, problem) => {
    const result = importEgresses(text);
    expect(result.entries).toEqual([]);
    expect(result.problem).toContain(problem);
    expect(result.problem).not.toContain('secret');
  });
});

test('a base64 list is read like the list', () => {
  const list = 'trojan://a@h.example:443#A\r\nssr://x\r\n';
  const read = importEgresses(`${base64(list).slice(0, 20)}\n${base64(list).slice(20)}\n`);
  expect(read.format).toBe('base64');
  expect(read.entries.map((it) => [it.line, it.config?.kind ?? null])).toEqual([
    [1, 'trojan'],
    [2, null],
  ]);
});

test('Clash: every kind, values as they were written, unknown ones named', () => {
  const { format, entries } = importEgresses(`
mixed-port: 7890
x: &server h.example
proxies:
  - {name: socks, type: socks5, server: h.example, port: 1080, username: u, password: 0123}
  - {name: http, type: http, server: *server, port: 443, tls: true, sni: a.example}
  - name: ss
    type: ss
    server: h.example
    port: 8388
    cipher: aes-128-gcm
    password: "p: #w"
    plugin: obfs
    plugin-opts: {mode: tls, host: a.example}
  - {name: vmess, type: vmess, server: h.example, port: 443, uuid: ${uuid}, alterId: 0, cipher: auto, tls: true, network: ws, ws-opts: {path: /p, headers: {Host: a.example}, max-early-data: 2048, early-data-header-name: Sec-WebSocket-Protocol}}
  - {name: vless, type: vless, server: h.example, port: 443, uuid: ${uuid}, flow: xtls-rprx-vision, tls: true, servername: a.example, client-fingerprint: chrome, reality-opts: {public-key: ${'A'.repeat(43)}, short-id: 00123456}}
  - {name: trojan, type: trojan, server: h.example, port: 443, password: p, network: grpc, grpc-opts: {grpc-service-name: svc}}
  - {name: hy2, type: hysteria2, server: h.example, port: 443, ports: 20000-30000, password: p, up: "50 Mbps", down: 200, obfs: salamander, obfs-password: o}
  - {name: tuic, type: tuic, server: h.example, port: 443, uuid: ${uuid}, password: p, alpn: [h3], congestion-controller: bbr}
  - {name: anytls, type: anytls, server: h.example, port: 443, password: p, skip-cert-verify: true}
  - {name: ssh, type: ssh, server: h.example, port: 22, username: me, password: p}
  - {name: wg, type: wireguard, server: h.example, port: 51820, ip: 10.0.0.2, ipv6: "fd00::2", private-key: ${key}, public-key: ${key}, allowed-ips: ["0.0.0.0/0"], reserved: [1, 2, 3]}
  - {name: snell, type: snell, server: h.example, port: 1}
  - {name: chain, type: socks5, server: h.example, port: 1, dialer-proxy: x}
  - just text
`);
  expect(format).toBe('clash');
  expect(entries.filter((it) => it.config).map((it) => it.label)).toEqual(
    'socks http ss vmess vless trojan hy2 tuic anytls ssh wg'.split(' '),
  );
  const of = (label: string) => entries.find((it) => it.label === label);
  expect(of('socks')?.config).toMatchObject({ password: '0123' });
  expect(of('http')?.config).toMatchObject({ server: 'h.example', tls: { sni: 'a.example' } });
  expect(of('ss')?.config).toMatchObject({
    password: 'p: #w',
    pluginOptions: 'obfs=tls;obfs-host=a.example',
  });
  expect(of('vless')?.config).toMatchObject({ tls: { reality: { shortId: '00123456' } } });
  expect(of('hy2')?.config).toMatchObject({ hopPorts: ['20000:30000'], upMbps: 50, downMbps: 200 });
  expect(of('wg')?.config).toMatchObject({ addresses: ['10.0.0.2/32'], reserved: [1, 2, 3] });
  expect(of('snell')?.problem).toContain('"snell"');
  expect(of('chain')?.problem).toContain('dialer-proxy');
  expect(entries.at(-1)).toMatchObject({ line: 14, config: null });
});

test('sing-box JSON with comments, trailing commas and what is no way out', () => {
  const { format, entries } = importEgresses(`{
  // a comment with "quotes"
  "outbounds": [
    { "type": "selector", "tag": "pick", "outbounds": ["a"] },
    { "type": "trojan", "tag": "a", "server": "h.example", "server_port": 443, # here too
      "password": "p // no comment, ]", "tls": { "enabled": true, }, },
    { "type": "vmess", "tag": "b", "server": "h.example", "server_port": 443, "uuid": "${uuid}" /* none */ },
    { "type": "tor", "tag": "c" },
    { "type": "ssh", "tag": "d", "server": "h.example", "private_key_path": "/root/.ssh/id" },
    { "type": "direct", "tag": "up", "routing_mark": 1 },
  ],
  "endpoints": [{ "type": "wireguard", "tag": "wg", "detour": "up", "address": "10.0.0.2/32", "private_key": "${key}",
    "peers": [{ "address": "h.example", "port": 51820, "public_key": "${key}", "allowed_ips": ["0.0.0.0/0", "::/0"] }] }],
}`);
  expect(format).toBe('sing-box');
  expect(entries.map((it) => [it.label, it.config?.kind ?? null])).toEqual([
    ['a', 'trojan'],
    ['b', 'vmess'],
    ['c', null],
    ['d', null],
    ['wg', 'wireguard'],
  ]);
  expect(entries[0]?.config).toMatchObject({ password: 'p // no comment, ]' });
  expect(entries[2]?.problem).toContain('"tor"');
  expect(entries[3]?.problem).toContain('private_key_path');
  expect(one('{"type":"direct","tag":"x"}')?.config).toEqual({ kind: 'direct' });
});

describe('WireGuard file', () => {
  const conf = (peer: string, ours = '') => `# from a provider
[Interface]
PrivateKey = ${key}
Address = 10.0.0.2/32, fd00::2/128
DNS = 10.0.0.1
PostUp = rm -rf /
${ours}
[Peer]
PublicKey = ${key}
Endpoint = h.example:51820
${peer}
`;
  test('is read; what concerns its own machine is looked over', () => {
    expect(one(conf('AllowedIPs = 0.0.0.0/0\nAllowedIPs = ::/0'))).toMatchObject({
      line: 2,
      label: 'wireguard h.example',
      config: { addresses: ['10.0.0.2/32'], keepalive: 25, mtu: 1408, server: 'h.example', port: 51820 },
    });
  });
  test.each([
    ['AllowedIPs = 10.0.0.0/8', '', 'AllowedIPs'],
    ['AllowedIPs = 0.0.0.0/0\n[Peer]\n', '', 'second [Peer]'],
    ['AllowedIPs = 0.0.0.0/0\nNonsense = 1', '', 'line 12: the setting "nonsense"'],
    ['AllowedIPs = 0.0.0.0/0', 'MTU = 9000', 'mtu:'],
    ['AllowedIPs = 0.0.0.0/0', `PrivateKey = ${key}`, 'line 7: "privatekey" stands there twice'],
  ])('%j %j', (peer, ours, problem) => {
    const entry = one(conf(peer, ours));
    expect(entry?.config).toBeNull();
    expect(entry?.problem).toContain(problem);
  });
});
