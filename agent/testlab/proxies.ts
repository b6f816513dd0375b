/** Real proxy servers of every kind, each in a namespace with an exit address of its own. */
import { basename } from 'node:path';
import type { Egress } from '../../shared/egress';
import { run } from '../apply/run';
import type { Machine } from './machine';
import { type Program, type ProgramOptions, startProgram } from './program';
import { type ProxyName, planOf, TLS_NAME, type Tls } from './proxy-plans';
import { startSshd } from './sshd';

/** A key and a certificate that is its own authority. */
export async function makeTls(): Promise<Tls> {
  const { stdout } = await run(['sing-box', 'generate', 'tls-keypair', TLS_NAME, '-m', '120']);
  const [key = '', cert = ''] = stdout.split(/(?=-----BEGIN CERT)/);
  return { key: key.trim(), cert: `${cert.trim()}\n` };
}

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
