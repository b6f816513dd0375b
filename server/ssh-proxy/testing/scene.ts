/** For tests: the real proxy before a real sandbox, and the real OpenSSH client of one person. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../../../shared/lifecycle';
import { createAudit } from '../../auth/audit';
import { createOpenSockets } from '../../auth/open-sockets';
import { createThrottle } from '../../auth/throttle';
import { newKeyPair } from '../../gateway/key';
import { type Box, startBox } from '../../gateway/testing/box';
import { identity, makeKey, SANDBOX_ID, startGateway } from '../../gateway/testing/gateway';
import { createAccess } from '../../services/sandboxes/access';
import { createSshKeys } from '../../services/ssh-keys/service';
import { createSshProxy, type SshProxyOptions } from '../server';

export interface Outcome {
  code: number | null;
  signal: string | null;
  stdout: Buffer;
  stderr: string;
}
export interface Running extends Promise<Outcome> {
  child: ChildProcess;
}

/** Runs a program to its end. */
export function call(file: string, args: string[], input?: string | Uint8Array | null): Running {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (it: Buffer) => stdout.push(it));
  child.stderr.on('data', (it: Buffer) => stderr.push(it));
  child.stdin.on('error', () => undefined);
  // Null: it stays open.
  if (input !== null) child.stdin.end(input);
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    );
  });
  return Object.assign(ended, { child });
}

export type Scene = Awaited<ReturnType<typeof startScene>>;

export async function startScene(scope: Scope) {
  const key = await makeKey(scope);
  const box: Box = scope.add('box', await startBox(key.publicLine), (it) => it.remove());
  const gateway = scope.own('gateway', await startGateway({ box, key }));
  const { db, log, connections, activity } = gateway;
  await db.member.create({ data: { workspaceId: 'w1', userId: identity.userId, role: 'owner' } });
  const { access } = createAccess(db);
  const sockets = createOpenSockets({ access });
  const audit = createAudit({ log });
  const host = newKeyPair('host');
  const proxyOptions: SshProxyOptions = {
    ...{ db, audit, log, access, sockets, connections, activity },
    ...{ host: '127.0.0.1', port: 0, hostKey: host.private, throttle: createThrottle({ db }) },
    page: (id) => `http://gateway.test/sandboxes/${id}`,
  };
  const proxy = scope.own('proxy', createSshProxy(proxyOptions));
  const port = await proxy.start();
  const keys = createSshKeys({ db, live: gateway.recorded.live, audit, sockets, server: null });
  const folder = scope.add('ssh folder', await mkdtemp(join(tmpdir(), 'cc-ssh-')), (it) =>
    rm(it, { recursive: true }),
  );
  const known = join(folder, 'known_hosts');
  await writeFile(known, `[127.0.0.1]:${port} ${host.public}\n`);
  const file = join(folder, 'id');
  const options = Object.entries({
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: known,
    IdentitiesOnly: 'yes',
    PreferredAuthentications: 'publickey',
    LogLevel: 'ERROR',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);

  return {
    ...{ box, gateway, db, sockets, proxy, proxyOptions, port, keys, folder, known },
    /** Makes and registers this person's key. */
    async addKey(): Promise<string> {
      await rm(file, { force: true });
      const made = await call('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'laptop', '-f', file]);
      if (made.code !== 0) throw new Error(made.stderr);
      const publicKey = (await call('cat', [`${file}.pub`])).stdout.toString();
      await rm(`${file}.pub`);
      return (await keys.add(identity, { publicKey })).id;
    },
    /** Of ssh, scp and sftp alike. */
    flags: ['-F', 'none', '-i', file, ...options],
    ssh(
      command: string[],
      more: { input?: string | Uint8Array | null; options?: string[]; user?: string } = {},
    ): Running {
      const at = ['-p', String(port), `${more.user ?? SANDBOX_ID}@127.0.0.1`];
      return call(
        'ssh',
        ['-F', 'none', '-i', file, ...options, ...(more.options ?? []), ...at, ...command],
        more.input,
      );
    },
    audits: async (type: string) => db.auditEvent.findMany({ where: { type }, orderBy: { at: 'asc' } }),
  };
}
