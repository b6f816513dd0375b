import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import type { Namespace } from '../apply/netns';
import { listTried } from '../apply/nft';
import { netnsInode } from '../apply/proc';
import { LOG_MAX_BYTES } from '../apply/singbox';
import { trackedOf } from './conntrack';
import type { Ledger } from './ledger';

/** Read at a time. */
const CHUNK_BYTES = 256 * 1024;
/** Of a log that grew while no agent ran: what is still open is in its end. */
const PAST_MAX_BYTES = 4 * 1024 * 1024;
const STARTED = ' INFO inbound/tun[tun]: started at tun0';
/** A line longer than this is none of sing-box's. */
const LINE_MAX_CHARS = 64 * 1024;

/**
 * Reads what grows at the end of sing-box's log and empties the file once it is read. Not found: tries again later.
 * Closed, it keeps its place and may be read again.
 */
export class LogReader {
  readonly #path: string;
  #fd: number | null = null;
  #position = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Reads to the end. True when there was anything. `onLost`: the file was emptied by somebody else. */
  read(onLine: (line: string) => void, onLost: () => void): boolean {
    const fd = this.#opened();
    if (fd === null) return false;
    const { size } = fstatSync(fd);
    if (size < this.#position) {
      onLost();
      this.#begin(0);
    }
    if (size === this.#position) return false;
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - this.#position));
    for (;;) {
      const bytes = readSync(fd, chunk, 0, chunk.length, this.#position);
      if (bytes === 0) break;
      this.#position += bytes;
      this.#lines(this.#decoder.write(chunk.subarray(0, bytes)), onLine);
    }
    // All of it was read in this very turn: what sing-box may write between the two calls is lost, some microseconds.
    if (this.#position > LOG_MAX_BYTES) {
      ftruncateSync(fd, 0);
      this.#position = 0;
    }
    return true;
  }

  /** Reads the end of a log that is there already. `onStart`: from here on it is another sing-box. */
  readPast(onLine: (line: string) => void, onStart: () => void): void {
    const fd = this.#opened();
    if (fd === null) return;
    this.#begin(Math.max(0, fstatSync(fd).size - PAST_MAX_BYTES));
    this.read(
      (line) => (line.endsWith(STARTED) ? onStart() : onLine(line)),
      () => {},
    );
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #opened(): number | null {
    try {
      this.#fd ??= openSync(this.#path, 'r+');
    } catch {
      // sing-box was not started yet.
    }
    return this.#fd;
  }
  #begin(position: number): void {
    this.#position = position;
    this.#rest = '';
    this.#decoder = new StringDecoder('utf8');
  }
  #lines(text: string, onLine: (line: string) => void): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LINE_MAX_CHARS) this.#rest = '';
    for (const line of lines) onLine(line);
  }
}

/**
 * Bytes are counted, which is off by default. A closed TCP connection is kept 10 s, as a reset one is, not 120: both its
 * ends are on this machine, and each read of the kernel's list walks it from the beginning, page by page
 * (nf_conntrack_standalone.c, ct_get_idx), so that 100 connections a second cost the agent half a processor.
 */
const CONNTRACK_SETTINGS = [
  'net.netfilter.nf_conntrack_acct=1',
  'net.netfilter.nf_conntrack_tcp_timeout_time_wait=10',
];

/**
 * The kernel's view of one namespace. The files are opened once: they go on telling of this namespace even when the
 * process by whose number they were found is gone and the number is another's.
 */
export class KernelReader {
  readonly #namespace: Namespace;
  readonly #snmp: FileHandle;
  /** Null on a kernel without it (CONFIG_NF_CONNTRACK_PROCFS). */
  readonly #conntrack: FileHandle | null;
  #packets = '';
  #refusals = '';

  private constructor(namespace: Namespace, snmp: FileHandle, conntrack: FileHandle | null) {
    this.#namespace = namespace;
    this.#snmp = snmp;
    this.#conntrack = conntrack;
  }

  /** `namespace` becomes its own to close, also when it throws. */
  static async open(namespace: Namespace): Promise<KernelReader> {
    let snmp: FileHandle | undefined;
    try {
      snmp = await open(`/proc/${namespace.pid}/net/snmp`, 'r');
      const conntrack = await open(`/proc/${namespace.pid}/net/nf_conntrack`, 'r').catch(() => null);
      // Root of a sandbox cannot write below /proc/sys.
      await namespace.run(['sysctl', '-q', '-w', ...CONNTRACK_SETTINGS], { okCodes: [0, 1, 255] });
      if ((await netnsInode(namespace.pid)) !== namespace.inode) {
        await conntrack?.close();
        throw new Error('the process of the namespace ended');
      }
      return new KernelReader(namespace, snmp, conntrack);
    } catch (error) {
      await snmp?.close();
      await namespace.close();
      throw error;
    }
  }

  get countsBytes(): boolean {
    return this.#conntrack !== null;
  }

  /** Whether packets were sent or came, and whether something may have been refused, since it was asked last. */
  async moved(): Promise<{ packets: boolean; refusals: boolean }> {
    const text = await fromStart(this.#snmp);
    const packets = /^Ip: \d.*$/m.exec(text)?.[0] ?? '';
    // Each refusal is answered by an ICMP message or a reset, or was a datagram that nobody answered.
    const refusals = text.match(/^(?:Icmp|Tcp|Udp): \d.*$/gm)?.join() ?? '';
    const moved = { packets: packets !== this.#packets, refusals: refusals !== this.#refusals };
    this.#packets = packets;
    this.#refusals = refusals;
    return moved;
  }

  async tracked() {
    return this.#conntrack === null ? null : trackedOf(await fromStart(this.#conntrack));
  }
  tried() {
    return listTried(this.#namespace);
  }

  async close(): Promise<void> {
    await this.#conntrack?.close();
    await this.#snmp.close();
    await this.#namespace.close();
  }
}

/** All that a file of /proc says now; its size is 0 by the books. */
async function fromStart(file: FileHandle): Promise<string> {
  const chunks: Buffer[] = [];
  let position = 0;
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return Buffer.concat(chunks).toString('latin1');
    chunks.push(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/** Everything new into the ledger, in the order that lets bytes find their connections: log first, kernel after it. */
export async function readInto(
  ledger: Ledger,
  readers: { log: LogReader; kernel: KernelReader },
  always: boolean,
): Promise<void> {
  const { log, kernel } = readers;
  const told = log.read(
    (line) => ledger.line(line),
    () => ledger.lose(),
  );
  const moved = await kernel.moved();
  if (moved.refusals || always) ledger.tried(await kernel.tried(), Date.now());
  if (told || moved.packets || always) ledger.count(await kernel.tracked(), Date.now());
}
