/** For tests: ssh2's client, for what the real one has no option for. */
import ssh2, { type Client, type ConnectConfig } from 'ssh2';

/** Rejects when it is not let in. */
export function dial(config: ConnectConfig): Promise<Client> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.once('ready', () => resolve(client));
    client.on('error', reject);
    client.once('close', () => reject(new Error('closed')));
    client.connect({ host: '127.0.0.1', ...config });
  });
}

/** Runs a command to its end. */
export function run(
  client: Client,
  command: string,
  input?: Uint8Array,
): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      if (input) channel.end(input);
      let [out, err] = ['', ''];
      channel.on('data', (it: Buffer) => {
        out += it;
      });
      channel.stderr.on('data', (it: Buffer) => {
        err += it;
      });
      channel.on('close', (code: unknown) => resolve({ code, out, err }));
    });
  });
}
