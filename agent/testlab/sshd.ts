import { run } from '../apply/run';
import { newestImage } from './lab';
import type { Machine } from './machine';
import { isBound } from './program';

/**
 * OpenSSH's own server, which a machine for development need not have: from the sandbox image, in a container whose
 * only link is the laboratory's. The keys live as long as the container and open nothing else.
 */
export async function startSshd(
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
