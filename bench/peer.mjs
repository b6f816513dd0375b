/**
 * The peer: what a terminal in the browser usually is, node-pty and ws on `docker exec -it`. Prints its port and the
 * token that a connection must bring, as it runs any docker arguments; answers `memory` on stdin.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { spawn } from 'node-pty';
import { WebSocketServer } from 'ws';

const token = randomUUID();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () =>
  process.stdout.write(`${JSON.stringify({ port: server.address().port, token })}\n`),
);
server.on('connection', (socket, request) => {
  const query = new URL(request.url, 'http://peer').searchParams;
  if (query.get('token') !== token) return socket.close();
  const pty = spawn('docker', JSON.parse(query.get('args')), {
    name: 'xterm-256color',
    cols: Number(query.get('cols')),
    rows: Number(query.get('rows')),
    encoding: null,
  });
  pty.onData((data) => socket.send(data));
  pty.onExit(() => socket.close());
  socket.on('message', (data) => pty.write(data.toString('latin1')));
  socket.on('close', () => pty.kill());
});
createInterface({ input: process.stdin }).on('line', () => {
  globalThis.gc?.();
  process.stdout.write(`${JSON.stringify(process.memoryUsage())}\n`);
});
