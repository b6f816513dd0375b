import type { Closeable } from '../../shared/lifecycle';
import { TUN_NAME } from '../../shared/names';
import { SANDBOX_TABLE, TRIED_SET, UDP_PEERS_SET, UDP_SOCKETS_SET } from '../plan/sandbox-rules';
import { fromFirst } from '../plan/source-ports';
import { type Tried, triedOf } from '../traffic/tried';
import { Namespace, removeNamespace } from './netns';
import { CommandError, run } from './run';

const LIST = ['nft', '--stateless', '--numeric', 'list'];

export async function loadRules(namespace: Namespace, text: string): Promise<void> {
  await namespace.run(['nft', '-f', '-'], { input: text });
}
/** Without what the packets themselves put into sets: these are records, not rules. */
export async function listRules(namespace: Namespace): Promise<string> {
  return fromFirst((await namespace.run([...LIST, 'ruleset'])).stdout.replace(RECORDS, '$1'));
}
const RECORDS = new RegExp(
  `(\\n\\tset (?:${[TRIED_SET, UDP_SOCKETS_SET, UDP_PEERS_SET].join('|')}) \\{(?:\\n\\t\\t(?!elements)[^\\n]*)*)\\n\\t\\telements = \\{[^}]*\\}`,
  'g',
);

/** Destinations in TRIED_SET with the packets sent to each; empty while the rules are closed. */
export async function listTried(namespace: Namespace): Promise<Tried[]> {
  const { code, stdout } = await namespace.run(
    ['nft', '-j', '--numeric', 'list', 'set', 'inet', SANDBOX_TABLE, TRIED_SET],
    { okCodes: [0, 1] },
  );
  return code === 0 ? triedOf(stdout) : [];
}

export async function loadHostRules(text: string): Promise<void> {
  await run(['nft', '-f', '-'], { input: text });
}
/** Names of all tables of this family on the host. */
export async function hostTables(): Promise<string[]> {
  const { stdout } = await run(['nft', 'list', 'tables', 'inet']);
  return stdout.split('\n').flatMap((line) => /^table inet (\S+)$/.exec(line.trim())?.[1] ?? []);
}
/** Empty text when there is no such table. */
export async function listHostTable(table: string): Promise<string> {
  const { code, stdout } = await run([...LIST, 'table', 'inet', table], { okCodes: [0, 1] });
  return code === 0 ? stdout : '';
}
export async function removeHostTable(table: string): Promise<void> {
  await run(['nft', 'delete', 'table', 'inet', table], { okCodes: [0, 1] });
}

/**
 * What `nft list` prints for a text of ours. nft's printing differs between its versions (order, symbols,
 * defaults), so the text is loaded into an empty namespace once and read back: then "is it what we loaded?" is
 * a comparison of strings. Answers of the texts asked for last are kept.
 */
const LISTINGS_KEPT = 256;
export class RuleListings implements Closeable {
  readonly #scratch: string;
  readonly #known = new Map<string, Promise<string>>();
  /** Made with the first text, for all of them: most of a listing's time would be its making. */
  #place: Namespace | undefined;

  constructor(scratchNamespace: string) {
    this.#scratch = scratchNamespace;
  }

  of(text: string): Promise<string> {
    const known = this.#known.get(text);
    if (known) return known;
    const made = this.#queue.then(() => this.#make(text));
    this.#queue = made.then(
      () => {},
      () => {},
    );
    this.#known.set(text, made);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= LISTINGS_KEPT) break;
      this.#known.delete(oldest);
    }
    made.catch(() => this.#known.delete(text));
    return made;
  }
  #queue: Promise<void> = Promise.resolve();

  async #make(text: string): Promise<string> {
    this.#place ??= await this.#newPlace();
    try {
      await loadRules(this.#place, `flush ruleset\n${text}`);
      return await listRules(this.#place);
    } catch (error) {
      // It may be the place that is at fault.
      await this.#leave();
      throw error;
    }
  }

  async #newPlace(): Promise<Namespace> {
    await removeNamespace(this.#scratch);
    await run(['ip', 'netns', 'add', this.#scratch]);
    let place: Namespace | undefined;
    try {
      place = await Namespace.named(this.#scratch);
      // Rules on the tun itself name it; kernels before 6.16 load them only when it is there.
      await place.run(['ip', 'tuntap', 'add', TUN_NAME, 'mode', 'tun']);
      return place;
    } catch (error) {
      await place?.close();
      throw error;
    } finally {
      // Without a name it lives as long as our descriptor: an agent that is killed leaves none behind.
      await removeNamespace(this.#scratch);
    }
  }

  async #leave(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    await place?.close();
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#leave();
  }
}

/** Whether this kernel and this nft know rules on what is sent into a link (netdev egress: Linux 5.16, nft 1.0.1). */
export async function supportsLinkRules(listings: RuleListings): Promise<boolean> {
  try {
    await listings.of(
      `table netdev probe { chain egress { type filter hook egress device "${TUN_NAME}" priority filter; policy drop; }; }\n`,
    );
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}
