/** Public keys of people, and the gateway's own SSH server, as browsers and programs see them. */
import { z } from 'zod';
import { nameSchema } from './views';

/** A 16384-bit RSA key with its comment takes 3 KB. */
const KEY_TEXT_MAX_CHARS = 8_192;

export const addSshKeySchema = z.object({
  /** The line of the .pub file; its comment names the key when there is no label. */
  publicKey: z.string().min(1, 'Paste a public key.').max(KEY_TEXT_MAX_CHARS, 'This is too long for a key.'),
  label: nameSchema.optional(),
});

export const sshKeyViewSchema = z.object({
  id: z.string(),
  label: z.string(),
  /** Such as `ssh-ed25519` or `ssh-rsa`. */
  type: z.string(),
  /** Such as `SHA256:...`, as `ssh-keygen -l` prints it. */
  fingerprint: z.string(),
  createdAt: z.string(),
  lastUsedAt: z.string().nullable(),
});
export type SshKeyView = z.infer<typeof sshKeyViewSchema>;

export const sshServerSchema = z.object({
  /** Null: the name that the web app is opened by. */
  host: z.string().nullable(),
  port: z.number(),
  /** Of its ed25519 key, to compare at the first connection. */
  fingerprint: z.string(),
});
export type SshServer = z.infer<typeof sshServerSchema>;

export const sshAccessSchema = z.object({
  keys: z.array(sshKeyViewSchema),
  /** Null: this gateway has none (SSH_PROXY_ADDR is not set). */
  server: sshServerSchema.nullable(),
});
export type SshAccess = z.infer<typeof sshAccessSchema>;

/** What a person types or puts into `~/.ssh/config`. `host`: by which name the gateway is reached. */
export interface SshPlace {
  host: string;
  port: number;
  sandboxId: string;
}

export function sshCommand({ host, port, sandboxId }: SshPlace): string {
  return `ssh -p ${port} ${sandboxId}@${host}`;
}

/** One block for `~/.ssh/config`; editors and rsync then know the sandbox by `alias`. */
export function sshStanza({ host, port, sandboxId }: SshPlace, alias: string): string {
  return [`Host ${alias}`, `  HostName ${host}`, `  Port ${port}`, `  User ${sandboxId}`, ''].join('\n');
}

/** A sandbox's name as a word that `ssh` takes for a host: no pattern signs, no spaces. */
export function sshAlias(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return plain === '' ? 'sandbox' : plain;
}
