/** Which TCP ports somebody listens on in this sandbox, from /proc: no program is run, nothing is dialled. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ListeningPort } from '../../shared/files';

/** `st` of /proc/net/tcp: TCP_LISTEN of the kernel's tcp_states.h. */
const LISTEN = '0A';
/** A command's words that are shown, characters. */
const PROCESS_MAX_CHARS = 120;

interface Listener {
  port: number;
  address: ListeningPort['address'];
  inode: string;
}

/**
 * One line of /proc/net/tcp{,6} (kernel documentation, proc_net_tcp): `sl local_address rem_address st ... inode`.
 * The address is 32-bit words in the machine's byte order, here little-endian.
 */
export function parseSockets(text: string): Listener[] {
  const found: Listener[] = [];
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [host = '', hexPort = ''] = (fields[1] ?? '').split(':');
    const inode = fields[9] ?? '';
    const port = Number.parseInt(hexPort, 16);
    if (fields[3] !== LISTEN || !Number.isInteger(port) || port < 1 || inode === '') continue;
    const address = addressOf(host);
    if (address !== null) found.push({ port, address, inode });
  }
  return found;
}

/** Null: an address that the loopback does not reach. */
function addressOf(hex: string): ListeningPort['address'] | null {
  if (hex.length === 8) {
    if (hex === '00000000') return 'any';
    return hex === '0100007F' ? 'loopback' : null;
  }
  if (/^0{32}$/.test(hex)) return 'any';
  // ::1, and 127.0.0.1 as ::ffff:127.0.0.1
  if (hex === '00000000000000000000000001000000') return 'loopback';
  return hex === '0000000000000000FFFF00000100007F' ? 'loopback' : null;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Socket inode to process id, for the wanted ones. */
function ownersOf(wanted: ReadonlySet<string>): Map<string, number> {
  const owners = new Map<string, number>();
  for (const pid of readdirSync('/proc')) {
    if (owners.size === wanted.size) break;
    if (!/^\d+$/.test(pid)) continue;
    let fds: string[];
    try {
      fds = readdirSync(`/proc/${pid}/fd`);
    } catch {
      continue; // ended meanwhile, or another user's
    }
    for (const fd of fds) {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        // The first is the one that opened it: children that share it have higher numbers.
        if (inode !== undefined && wanted.has(inode) && !owners.has(inode)) owners.set(inode, Number(pid));
      } catch {}
    }
  }
  return owners;
}

function nameOf(pid: number): string | null {
  const words = read(`/proc/${pid}/cmdline`).split('\0').filter(Boolean);
  const [program = ''] = words;
  if (program === '') return read(`/proc/${pid}/comm`).trim() || null;
  const text = [program.slice(program.lastIndexOf('/') + 1), ...words.slice(1)].join(' ');
  return text.replace(/[^\x20-\x7e\u00a0-\uffff]/g, '').slice(0, PROCESS_MAX_CHARS);
}

/** Who owned what a moment ago: a socket keeps its inode, so only new ones are looked for. */
let known = new Map<string, number>();

function ownersKept(inodes: ReadonlySet<string>): Map<string, number> {
  const fresh = new Set([...inodes].filter((it) => !known.has(it)));
  const found = fresh.size > 0 ? ownersOf(fresh) : new Map<string, number>();
  known = new Map([...known, ...found].filter(([inode]) => inodes.has(inode)));
  return known;
}

/** By port, each once; `hidden` are our own. */
export function listeningPorts(hidden: ReadonlySet<number>): ListeningPort[] {
  const found = new Map<number, Listener>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const it of parseSockets(read(file)))
      if (!hidden.has(it.port) && found.get(it.port)?.address !== 'any') found.set(it.port, it);
  const owners = ownersKept(new Set([...found.values()].map((it) => it.inode)));
  return [...found.values()]
    .sort((a, b) => a.port - b.port)
    .map(({ port, address, inode }) => {
      const pid = owners.get(inode) ?? null;
      return { port, address, pid, process: pid === null ? null : nameOf(pid) };
    });
}
