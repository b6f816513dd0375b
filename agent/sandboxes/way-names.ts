import type { Logger } from 'pino';
import type { NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import type { ResolveName } from '../apply/names';
import { singBoxFiles, writeHosts } from '../apply/singbox';
import { endpointName, namesToResolve, type WayOutFacts, wayOutHost } from '../plan/way-out';
import type { HostTable } from './host-table';
import type { Notices } from './notices';
import type { Records } from './records';
import type { createSlots } from './slots';

export interface NameParts {
  instance: string;
  resolvers: readonly string[];
  records: Records;
  notices: Notices;
  log: Logger;
  host: HostTable;
  slots: ReturnType<typeof createSlots>;
  resolve: ResolveName;
  /** In place of NAMES_EVERY_MS. */
  namesEveryMs?: number | undefined;
  /** The private half of a WireGuard key that this agent made. Throws when it is not here. */
  wireguardKey(keyId: string): Promise<string>;
}

/** How long a server's old addresses stay open for flows that began before it moved; sing-box follows in 5 s. */
const MOVE_GRACE_MS = 8_000;
const NAMES_EVERY_MS = 60_000;
/** A name that was resolved this short ago, as before the container was made, is not asked for again. */
const FRESH_MS = 3_000;

/**
 * What one way out's names mean, and who must know: the record (for a later agent), the host's chain, and the file
 * that sing-box reads its server's address from.
 */
export class WayNames {
  readonly #id: string;
  readonly #parts: NameParts;
  #askedAt = 0;
  #closeOld: NodeJS.Timeout | undefined;
  /** What the host lets pass and sing-box was told. */
  #told: WayOutFacts['names'] = {};

  constructor(id: string, parts: NameParts) {
    this.#id = id;
    this.#parts = parts;
  }

  due(): boolean {
    return Date.now() - this.#askedAt >= (this.#parts.namesEveryMs ?? NAMES_EVERY_MS);
  }

  /**
   * All that the way out is planned from. `fresh`: names are resolved now; what cannot be keeps its last meaning.
   * Throws `egress_failed` when the server's name never had one.
   */
  async facts(network: NetworkSpec, how: 'fresh' | 'recorded' = 'fresh'): Promise<WayOutFacts> {
    const { instance, resolvers, records, slots } = this.#parts;
    const { names: known } = await records.read(this.#id);
    const wanted = namesToResolve(network);
    const recent = Date.now() - this.#askedAt < FRESH_MS;
    const meaning = async (name: string): Promise<[string, string[]]> => {
      const asks = how === 'fresh' && !(recent && known[name] !== undefined);
      return [name, (asks ? await this.#ask(name) : null) ?? known[name] ?? []];
    };
    const names = Object.fromEntries(await Promise.all(wanted.map(meaning)));
    if (how === 'fresh') {
      if (!recent) this.#askedAt = Date.now();
      const endpoint = endpointName(network);
      if (endpoint !== null && names[endpoint]?.length === 0) {
        throw new AppError(
          'egress_failed',
          `The egress's server ${endpoint} was not found: its name has no address.`,
        );
      }
      if (!sameMeanings(names, known)) await records.change(this.#id, { names });
    }
    const { egress } = network;
    const keyId = egress.kind === 'wireguard' ? egress.keyId : null;
    const privateKey = keyId === null ? undefined : await this.#parts.wireguardKey(keyId);
    return { instance, slot: await slots.of(this.#id), network, resolvers, names, privateKey };
  }

  /** For a sing-box that is not started yet: the host lets out what it will need and nothing else. */
  async begin(facts: WayOutFacts): Promise<void> {
    this.stop();
    this.#told = facts.names;
    await this.#parts.host.set(this.#id, wayOutHost(facts));
    await this.#writeHosts(facts);
  }

  /** For a sing-box that runs: where a name moved, old and new are open until it has followed, then the new alone. */
  async follow(facts: WayOutFacts): Promise<void> {
    const { host, notices, log } = this.#parts;
    const before = this.#told;
    const moved = Object.keys(facts.names).filter(
      (name) => before[name] !== undefined && !sameAddresses(before[name], facts.names[name]),
    );
    this.#told = facts.names;
    if (moved.length === 0) {
      // What an earlier agent wrote may be older than the names' meaning.
      if (Object.keys(before).length === 0) await this.#writeHosts(facts);
      // With a grace under way it is its timer that narrows the chain.
      if (this.#closeOld === undefined) await host.set(this.#id, wayOutHost(facts));
      return;
    }
    for (const name of moved) {
      const now = facts.names[name]?.join(', ') || 'nowhere';
      notices.emit(this.#id, 'endpoint.moved', `${name} is at ${now} now; the host's firewall follows.`);
    }
    const both = Object.entries(facts.names).map(([name, now]) => [name, [...(before[name] ?? []), ...now]]);
    await host.set(this.#id, wayOutHost({ ...facts, names: Object.fromEntries(both) }));
    await this.#writeHosts(facts);
    this.stop();
    this.#closeOld = setTimeout(() => {
      this.#closeOld = undefined;
      host.set(this.#id, wayOutHost(facts)).catch((error) => {
        log.warn({ sandbox: this.#id, err: error }, 'could not close the old addresses of a server');
      });
    }, MOVE_GRACE_MS).unref();
  }

  stop(): void {
    clearTimeout(this.#closeOld);
    this.#closeOld = undefined;
  }

  async #ask(name: string): Promise<string[] | null> {
    try {
      return await this.#parts.resolve(name);
    } catch (error) {
      this.#parts.log.warn(
        { sandbox: this.#id, name, err: error },
        'a name of a way out could not be resolved',
      );
      return null;
    }
  }
  async #writeHosts({ network, names }: WayOutFacts): Promise<void> {
    const name = endpointName(network);
    if (name === null) return;
    await writeHosts(singBoxFiles(this.#parts.records.folder(this.#id)), name, names[name] ?? []);
  }
}

type Meanings = Readonly<Record<string, readonly string[]>>;
function sameMeanings(one: Meanings, other: Meanings): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => sameAddresses(one[name], other[name]));
}
function sameAddresses(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one !== undefined && other !== undefined && [...one].sort().join() === [...other].sort().join();
}
