// The Internet of the root tests, run inside a network namespace: HTTP on port 80 that tells who asked, and DNS on
// port 53 (UDP and TCP) that answers every A question with one address. Prints `ready`, then one line per question.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const [answer] = process.argv.slice(2);

/** RFC 1035: the question is copied, one A record (name by pointer to offset 12) is added. */
function reply(query) {
  let end = 12;
  while (query[end] !== 0) end += query[end] + 1;
  end += 5;
  const header = Buffer.from(query.subarray(0, 12));
  const isA = query.readUInt16BE(end - 4) === 1;
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(isA ? 1 : 0, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...answer.split('.').map(Number)]);
  return Buffer.concat([header, query.subarray(12, end), ...(isA ? [record] : [])]);
}

const ready = [];
const http = createServer((request, response) => response.end(`hello ${request.socket.remoteAddress}\n`));
ready.push(new Promise((resolve) => http.listen(80, '0.0.0.0', resolve)));

const udp = createSocket('udp4', (message, from) => {
  console.log('dns');
  udp.send(reply(message), from.port, from.address);
});
ready.push(new Promise((resolve) => udp.bind(53, resolve)));

const tcp = createTcpServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('data', (data) => {
    const out = reply(data.subarray(2));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(out.length);
    socket.end(Buffer.concat([length, out]));
  });
});
ready.push(new Promise((resolve) => tcp.listen(53, '0.0.0.0', resolve)));

await Promise.all(ready);
console.log('ready');
