// The laboratory's servers, one program in the roles that its JSON argument names; it runs inside a namespace.
//   http: [{host, port, say?}]          hello, /ip, /json, /generate_204, /bytes/N (header x-crc32), /redirect?to=, POST /sink
//   https: [{host, port, key, cert}]    the same over TLS 1.3
//   udp: [{host, port}]                 answers `CALLER PAYLOAD`
//   zone: {hosts, name, answer}         authoritative DNS: `*.who.NAME` answers with the asker's address
//   resolvers: [{host, ask, from, key?, cert?}]  forwards every question to `ask` from the address `from`; DoT with a key
// stdout: {"ready":true}, then one JSON line per question, request or datagram. stdin: {"set":{"name":"address"}},
// {"pages":{"/path":"text"}}.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer as createTlsServer } from 'node:tls';
import { crc32 } from 'node:zlib';

const roles = JSON.parse(process.argv[2]);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const pages = new Map();
const plain = (address) => address.replace(/^::ffff:/, '');
const opened = [];
const open = (start) => opened.push(new Promise((resolve) => start(resolve)));

/** A block of a download: the same bytes but for its number, so that a lost or doubled block changes the checksum. */
const BLOCK = 1 << 20;
const base = Buffer.alloc(BLOCK);
for (let i = 0, x = 2463534242; i < BLOCK; i += 4) {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  base.writeInt32LE(x, i);
}
function block(number, bytes) {
  const data = Buffer.from(base.subarray(0, bytes));
  if (bytes >= 4) data.writeUInt32LE(number, 0);
  return data;
}
const sums = new Map();
function sumOf(bytes) {
  if (!sums.has(bytes)) {
    let sum = 0;
    for (let at = 0; at < bytes; at += BLOCK)
      sum = crc32(block(at / BLOCK, Math.min(BLOCK, bytes - at)), sum);
    sums.set(bytes, sum);
  }
  return sums.get(bytes);
}

async function stream(response, bytes) {
  response.writeHead(200, { 'content-length': bytes, 'x-crc32': sumOf(bytes) });
  let gone = false;
  response.on('close', () => {
    gone = true;
  });
  for (let at = 0; at < bytes && !gone; at += BLOCK) {
    const room = response.write(block(at / BLOCK, Math.min(BLOCK, bytes - at)));
    if (!room) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
  }
  response.end();
}

const answering = (say) => (request, response) => {
  const caller = plain(request.socket.remoteAddress);
  const url = new URL(request.url, 'http://lab.test');
  tell({
    http: url.pathname,
    host: request.headers.host,
    from: caller,
    to: plain(request.socket.localAddress),
  });
  if (request.method === 'POST') {
    let bytes = 0;
    let sum = 0;
    request.on('data', (chunk) => {
      bytes += chunk.length;
      sum = crc32(chunk, sum);
    });
    return request.on('end', () => response.end(`${JSON.stringify({ bytes, crc32: sum })}\n`));
  }
  if (url.pathname === '/generate_204') return response.writeHead(204).end();
  if (url.pathname === '/ip') return response.end(`${caller}\n`);
  if (url.pathname === '/json') return response.end(`${JSON.stringify({ ip: caller })}\n`);
  if (url.pathname === '/redirect')
    return response.writeHead(302, { location: url.searchParams.get('to') }).end();
  if (pages.has(url.pathname)) return response.end(pages.get(url.pathname));
  if (url.pathname.startsWith('/bytes/')) return void stream(response, Number(url.pathname.slice(7)));
  response.end(`${say ?? 'hello'} ${caller}\n`);
};
for (const { host, port, say } of roles.http ?? [])
  open((done) => createServer(answering(say)).listen(port, host, done));
for (const { host, port, key, cert, say } of roles.https ?? [])
  open((done) => createHttpsServer({ key, cert }, answering(say)).listen(port, host, done));

for (const { host, port } of roles.udp ?? []) {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => {
    tell({ udp: message.length, from: from.address, to: host, port });
    socket.send(Buffer.concat([Buffer.from(`${from.address} `), message]), from.port, from.address);
  });
  open((done) => socket.bind(port, host, done));
}

const TYPES = { 1: 'A', 16: 'TXT', 28: 'AAAA' };

/** RFC 1035 section 4: the name, the type and where the question ends. */
function question(query) {
  const labels = [];
  let at = 12;
  while (query[at]) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString('latin1'));
    at += query[at] + 1;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

const named = new Map();
createInterface({ input: process.stdin }).on('line', (line) => {
  const given = JSON.parse(line);
  for (const [name, address] of Object.entries(given.set ?? {})) named.set(name, address);
  for (const [path, text] of Object.entries(given.pages ?? {})) pages.set(path, text);
  tell({ set: true });
});

function authoritative(query, from, transport) {
  const { zone } = roles;
  const { name, type, end } = question(query);
  tell({ dns: name, type: TYPES[type] ?? type, from, transport });
  const given = name.endsWith(`.who.${zone.name}`) ? from : (named.get(name) ?? zone.answer);
  // An array takes turns: the answer of a name that rebinds.
  const address = Array.isArray(given) ? given[0] : given;
  if (Array.isArray(given)) given.push(given.shift());
  const data =
    type === 1
      ? Buffer.from(address.split('.').map(Number))
      : type === 16
        ? Buffer.from([address.length, ...Buffer.from(address)])
        : null;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8580, 2);
  header.writeUInt16BE(data === null ? 0 : 1, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  // The name by pointer to offset 12, class IN, TTL 0.
  const record = data === null ? [] : [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length, ...data];
  return Buffer.concat([header, query.subarray(12, end), Buffer.from(record)]);
}

function forward(resolver, query) {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const give = setTimeout(() => socket.close(), 2_000);
    socket.once('message', (message) => {
      clearTimeout(give);
      socket.close();
      resolve(message);
    });
    socket.bind(0, resolver.from, () => socket.send(query, 53, resolver.ask));
  });
}

/** DNS over TCP and TLS: each message after its length. */
const framed = (answer) => (socket) => {
  let rest = Buffer.alloc(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', async (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const query = rest.subarray(2, 2 + rest.readUInt16BE(0));
      rest = rest.subarray(2 + query.length);
      const out = await answer(query, plain(socket.remoteAddress ?? ''));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(out.length);
      if (socket.writable) socket.write(Buffer.concat([length, out]));
    }
  });
};

function serveDns(host, answer) {
  const socket = createSocket('udp4');
  socket.on('message', async (message, from) => {
    const out = await answer(message, from.address, 'udp');
    socket.send(out, from.port, from.address);
  });
  open((done) => socket.bind(53, host, done));
  const overTcp = framed((query, from) => answer(query, from, 'tcp'));
  open((done) => createTcpServer(overTcp).listen(53, host, done));
}
for (const host of roles.zone?.hosts ?? []) serveDns(host, authoritative);
for (const resolver of roles.resolvers ?? []) {
  serveDns(resolver.host, (query) => forward(resolver, query));
  if (resolver.key === undefined) continue;
  const overTls = framed((query) => forward(resolver, query));
  open((done) =>
    createTlsServer({ key: resolver.key, cert: resolver.cert }, overTls).listen(853, resolver.host, done),
  );
}

await Promise.all(opened);
tell({ ready: true });
