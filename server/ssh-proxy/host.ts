import { join } from 'node:path';
import type { SshServer } from '../../shared/ssh-keys';
import { loadGatewayKey } from '../gateway/key';
import { fingerprintOf } from '../services/ssh-keys/public-key';

export interface SshHost {
  host: string;
  port: number;
  /** OpenSSH private key text. */
  hostKey: string;
  /** What people are told of it. */
  shown: SshServer;
}

/** The host key is made once and stays: clients remember it. It is not the key that opens sandboxes. */
export async function loadSshHost(
  dataDir: string,
  at: { host: string; port: number; name: string | null },
): Promise<SshHost> {
  const key = await loadGatewayKey(join(dataDir, 'keys', 'ssh_host_ed25519'));
  const blob = Buffer.from(key.publicLine.split(' ')[1] ?? '', 'base64');
  const shown = { host: at.name, port: at.port, fingerprint: fingerprintOf(blob) };
  return { host: at.host, port: at.port, hostKey: key.privateKey, shown };
}
