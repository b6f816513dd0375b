import type { Logger } from 'pino';
import type { NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { openPolicy } from '../../shared/network-policy';
import { Namespace } from '../apply/netns';
import { watchRules } from '../apply/nft-monitor';
import { abortTcpFlows } from '../apply/tcp-flows';
import type { Gate } from '../plan/sandbox-rules';
import type { Gates } from './gates';
import type { Records } from './records';
import { writeRuleSets } from './rule-sets';
import type { SurroundingsNow } from './surroundings';

export interface WayGateParts {
  gates: Gates;
  around: SurroundingsNow;
  records: Records;
  log: Logger;
  /** Somebody (or this agent) changed the rules in the sandbox's namespace. */
  rulesChanged(id: string): void;
}

/** The gate of one way out: the rules in the sandbox's namespace, who tells of changes of them, and what sing-box follows. */
export class WayGate {
  readonly #id: string;
  readonly #parts: WayGateParts;
  #state: Gate = 'closed';
  #namespace: Namespace | null = null;
  #watch: { close(): Promise<void> } | undefined;
  /** The namespace that the closed rules were loaded into last, and nothing since. */
  #closedIn: bigint | null = null;
  #network: NetworkSpec | null = null;

  constructor(id: string, parts: WayGateParts) {
    this.#id = id;
    this.#parts = parts;
  }

  get state(): Gate {
    return this.#state;
  }
  get network(): NetworkSpec | null {
    return this.#network;
  }
  get namespace(): Namespace | null {
    return this.#namespace;
  }
  /** Throws when there is none any more. */
  get here(): Namespace {
    if (this.#namespace === null) throw new AppError('agent_failed', 'The container ended.');
    return this.#namespace;
  }

  isClosedIn(namespace: Namespace): boolean {
    return this.#closedIn === namespace.inode;
  }

  /** What passes from now on is judged by this network's policy. */
  judgeBy(network: NetworkSpec): void {
    this.#network = network;
  }

  async set(namespace: Namespace, state: Gate): Promise<void> {
    // Told before it is done, so that nobody takes a gate for open that is being closed.
    if (state !== 'open') this.#state = state;
    this.#closedIn = null;
    await this.#parts.gates.load(namespace, state, this.#network?.policy);
    this.#state = state;
    if (state === 'closed') this.#closedIn = namespace.inode;
  }

  /** For a closed gate whose tunnel has ended: programs inside learn at once that their connections are cut. */
  async cutFlows(namespace: Namespace): Promise<void> {
    await abortTcpFlows(namespace).catch((error) =>
      this.#parts.log.warn(
        { sandbox: this.#id, err: error },
        'programs inside are not told of cut connections',
      ),
    );
  }

  /** What an earlier agent loaded, or what holds without a namespace. */
  found(state: Gate): void {
    this.#state = state;
  }

  /** Holds the namespace, until another one or null. */
  async own(namespace: Namespace | null): Promise<void> {
    if (namespace !== null && this.#namespace?.inode === namespace.inode) return;
    await this.#watch?.close();
    this.#watch = undefined;
    if (this.#namespace !== null) this.#parts.gates.forget(this.#namespace);
    await this.#namespace?.close();
    this.#namespace = namespace === null ? null : await Namespace.ofProcess(namespace.pid);
  }

  /** Hears of changes of the rules from now on, as long as the namespace is held. */
  watch(): void {
    if (this.#namespace === null || this.#watch !== undefined) return;
    const onChange = () => this.#parts.rulesChanged(this.#id);
    this.#watch = watchRules({ namespace: this.#namespace, about: '', onChange });
  }

  /** Loads the rules again where somebody changed them, as long as `may`. True when it had to. */
  async mend(namespace: Namespace, may: () => boolean): Promise<boolean> {
    if (this.#network === null || !may()) return false;
    if ((await this.#parts.gates.of(namespace, this.#network.policy)) === this.#state || !may()) return false;
    await this.set(namespace, this.#state);
    return true;
  }

  /** The host may have another address, or be on another network: refused from now on as well. */
  async followSurroundings(namespace: Namespace): Promise<void> {
    if (!(await this.#parts.gates.stale(namespace))) return;
    await this.set(namespace, this.#state);
    await this.writeRuleSets();
  }

  /** What sing-box judges by and follows by itself. */
  async writeRuleSets(): Promise<void> {
    const { records, around } = this.#parts;
    await writeRuleSets(records.folder(this.#id), this.#network?.policy ?? openPolicy, await around.now());
  }
}
