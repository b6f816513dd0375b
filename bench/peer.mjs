/** The peer: what a terminal in the browser usually is, node-pty and ws on `docker exec -it`. Prints its port. */
import { spawn } from 'node-pty';
import { WebSocketServer } from 'ws';

const [container] = process.argv.slice(2);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
server.on('connection', (socket, request) => {
  const query = new URL(request.url, 'http://peer').searchParams;
  const command = ['/usr/local/lib/cloud-claude/session', 'attach', query.get('session'), 'shell'];
  const place = ['/home/claude/workspace', 'bypassPermissions', '80', '24'];
  const pty = spawn('docker', ['exec', '-it', '-u', 'claude', container, ...command, ...place], {
    name: 'xterm-256color',
    cols: 80,
    rows: 24,
    encoding: null,
  });
  pty.onData((data) => socket.send(data));
  pty.onExit(() => socket.close());
  socket.on('message', (data) => pty.write(data.toString('latin1')));
  socket.on('close', () => pty.kill());
});
