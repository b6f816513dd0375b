/**
 * Names of things on the host, all derived from an instance id and a sandbox id so that a sweep can find its
 * own leftovers and two instances on one machine never touch each other's.
 */
import { z } from 'zod';

export * from './sandbox-places'; // apart, as sandboxd does without zod

/** Eight lower-case hex digits, made once per data folder. */
export const instanceIdSchema = z.string().regex(/^[0-9a-f]{8}$/, 'an instance id is 8 hex digits');
/** Lower-case letters and digits, letter first, 16 characters: fits a host name, a volume and a tmux name. */
export const sandboxIdSchema = z
  .string()
  .regex(/^[a-z][a-z0-9]{15}$/, 'a sandbox id is 16 lower-case letters and digits');
export const sessionIdSchema = z.uuid();

export const LABEL_INSTANCE = 'cloud-claude.instance';
export const LABEL_SANDBOX = 'cloud-claude.sandbox';
/** The row's generation the container was made for; `rebuild` raises it. */
export const LABEL_GENERATION = 'cloud-claude.generation';
/** On the image: hash of everything it was built from. */
export const LABEL_CONTENT_HASH = 'cloud-claude.content-hash';
export const LABEL_CLAUDE_VERSION = 'cloud-claude.claude-version';

export const IMAGE_REPOSITORY = 'cloud-claude/sandbox';

export function containerName(instance: string, sandbox: string): string {
  return `cc-${instance}-${sandbox}`;
}

export function homeVolumeName(instance: string, sandbox: string): string {
  return `cc-${instance}-${sandbox}-home`;
}

/** Named network namespace that stands for the host's own, so that sing-box can dial there. */
export function uplinkNamespace(instance: string): string {
  return `cc-${instance}`;
}

/** Named network namespace that leads to one sandbox's WireGuard peer and nowhere else; the slot is the sandbox's. */
export function wireguardNamespace(instance: string, slot: number): string {
  return `${wireguardNamespaces(instance)}${slot}`;
}
/** How the names of all of them begin. */
export const wireguardNamespaces = (instance: string): string => `${uplinkNamespace(instance)}-wg-`;

/** The kernel's link in it. It is born among the host's own links, so its name tells whose it is; 15 letters at most. */
export function wireguardLink(instance: string, slot: number): string {
  return `${wireguardLinks(instance)}${slot}`;
}
export const wireguardLinks = (instance: string): string => `ccw${instance}`;

/** The host's nft table of one instance; swept and rebuilt by the agent. */
export function hostTable(instance: string): string {
  return `cloud_claude_${instance}`;
}

/** Inside the sandbox: user, home and paths that image/, agent/ and server/ agree on. */
export const SANDBOX_USER = 'claude';
export const SANDBOX_UID = 1000;
export const SANDBOX_HOME = '/home/claude';
export const SANDBOX_WORKDIR = '/home/claude/workspace';
/** Root-owned, made by the agent before start: host key and the gateway's public key. */
export const SANDBOX_SSH_DIR = '/etc/cloud-claude/ssh';
export const SANDBOX_HOST_KEY = '/etc/cloud-claude/ssh/host_ed25519';
export const SANDBOX_AUTHORIZED_KEYS = '/etc/cloud-claude/ssh/authorized_keys';
/** PID 1 waits for this file (made by the agent, root-owned) before it runs anything of the user's. */
export const SANDBOX_RELEASE_FILE = '/run/cloud-claude-release';
/** Made by the agent before the release, root's alone: what `session first` reads. PID 1 takes it away. */
export const SANDBOX_FIRST_SESSION_FILE = '/run/cloud-claude-first';
/** A pipe of root's that PID 1 waits on until the release: a line wakes it at once. */
export const SANDBOX_WAKE_PIPE = '/run/cloud-claude-idle';
/**
 * Pipes of root's, made by PID 1 at every start: it runs the first `sshd -i` on them as soon as the agent has opened
 * both ends. That one costs no `docker exec`.
 */
export const SANDBOX_SSH_IN = '/run/cloud-claude-ssh.in';
export const SANDBOX_SSH_OUT = '/run/cloud-claude-ssh.out';
/** While it is there sshd lets people log in and starts nothing of theirs (nologin(5)). Made by PID 1, taken away at the release. */
export const SANDBOX_NOLOGIN_FILE = '/etc/nologin';
export const TUN_NAME = 'tun0';
/** Root-owned wrapper scripts in the image. */
export const SANDBOX_SESSION_COMMAND = '/usr/local/lib/cloud-claude/session';
