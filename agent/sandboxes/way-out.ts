import { setTimeout as delay } from 'node:timers/promises';
import { directNetwork, type NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { openPolicy } from '../../shared/network-policy';
import type { Proof } from '../../shared/proof';
import { Namespace } from '../apply/netns';
import { watchRules } from '../apply/nft-monitor';
import { hashOf } from '../apply/singbox';
import type { Gate } from '../plan/sandbox-rules';
import { wayOutConfig, wayOutHost } from '../plan/way-out';
import type { TrafficWatch } from '../traffic/traffic';
import type { Gates } from './gates';
import { objectionOf } from './proofs';
import { namesNarrow, writeRuleSets } from './rule-sets';
import { Tunnel } from './tunnel';
import { type NameParts, WayNames } from './way-names';
import { type Admission, type ProofParts, takeProof } from './way-proof';

export interface WayOutParts extends NameParts, ProofParts {
  gates: Gates;
  proofEveryMs?: number | undefined;
  /** Somebody (or this agent) changed the rules in the sandbox's namespace. */
  rulesChanged(id: string): void;
  traffic: TrafficWatch;
  /** Throws with the reason when this host cannot serve it. */
  checkKind(network: NetworkSpec): Promise<void>;
}
/** After a red proof it is tried again by itself: first after this, then after twice as long, up to the interval. */
const RETRY_FIRST_MS = 30_000;
/** A proof beside a start waits so long: Claude comes up in that time, and a person waits for that. */
const WATCH_SETTLE_MS = 4_000;

/**
 * One sandbox's way out: its gate (rules in its namespace), its tunnel (sing-box) and its chain in the host table, and
 * all transitions between these states:
 *
 *   shut     rules closed; no sing-box, or one that is not verified yet
 *   proving  verified; rules let pass what carries the probe's mark, nothing else
 *   open     verified, and proven where the mode asks for it
 *   fenced   shut on purpose, with a reason in the record, until a later try is good
 *
 *   shut -> proving -> open        up, admit, open (an ensure, or by itself after sing-box fell)
 *   open -> shut                   sing-box fell or hangs; another configuration; resume
 *   any  -> fenced                 verification or proof objects
 *
 * The order is always: close the rules, end sing-box, change the host's chain, start, verify, prove, open. The rules in
 * the kernel are the truth: an agent that takes over finds them open only if all before was right for the sing-box that
 * runs, and begins at `shut` in every other case. So it may be killed anywhere: what it leaves is the old way whole, or
 * a closed gate. Old and new are never open together, since the old sing-box ends before the host lets the new send.
 *
 * Calls come one at a time (the sandbox's queue); only the tunnel's own restarts and proofs on a timer run beside them.
 */
export class WayOut {
  readonly tunnel: Tunnel;
  readonly #id: string;
  readonly #parts: WayOutParts;
  readonly #names: WayNames;
  #namespace: Namespace | null = null;
  #watch: { close(): Promise<void> } | undefined;
  #network: NetworkSpec | null = null;
  #image = '';
  #gate: Gate = 'closed';
  /** The namespace that the closed rules were loaded into last, and nothing since. */
  #closedIn: bigint | null = null;
  /** It was open since it was brought up last: it opens again by itself after its tunnel fell. */
  #returns = false;
  #proving: { abort: AbortController; done: Promise<unknown> } | undefined;
  #proofDueAt = 0;
  #retryMs = RETRY_FIRST_MS;
  #fencedByProof = false;

  constructor(id: string, parts: WayOutParts) {
    this.#id = id;
    this.#parts = parts;
    this.#names = new WayNames(id, parts);
    const { notices } = parts;
    this.tunnel = new Tunnel({
      id,
      records: parts.records,
      log: parts.log,
      admit: (namespace, signal) => this.#comeBack(namespace, signal),
      close: (namespace) => this.#set(namespace, 'closed'),
      onDown: (reason) => {
        notices.emit(id, 'tunnel.down', reason);
        void parts.traffic.fell(id);
      },
      onBack: () => notices.emit(id, 'tunnel.up', 'The tunnel is up again and verified.'),
      onRefused: (reason) => this.#recordFence(reason),
    });
  }

  get gate(): Gate {
    return this.#gate;
  }
  get network(): NetworkSpec | null {
    return this.#network;
  }

  /** What can be done beside the container's start: names, slot, and for one that has nothing yet the host's chain. */
  async prepare(network: NetworkSpec): Promise<void> {
    await this.#parts.checkKind(network);
    const facts = await this.#names.facts(network);
    const { tunnel } = await this.#parts.records.read(this.#id);
    if (tunnel === null && this.tunnel.state === 'absent') {
      await this.#parts.host.set(this.#id, wayOutHost(facts));
    }
  }

  /** As far as it can be known without looking anything up: what an agent that takes over lets the running one send. */
  async note(network: NetworkSpec): Promise<void> {
    this.#parts.host.note(this.#id, wayOutHost(await this.#names.facts(network, 'recorded')));
  }

  /** Nothing passes until the next `open`. For a namespace that has no way out yet, or not any more. */
  async shut(namespace: Namespace): Promise<void> {
    await this.#abandonProof();
    this.#returns = false;
    await this.#set(namespace, 'closed');
  }

  /**
   * Converges to a running, verified tunnel for this network; what runs already is left alone and open. Says whether it
   * was. Throws AppError when it does not come up.
   */
  async up(
    namespace: Namespace,
    target: { network: NetworkSpec; image: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { records, gates } = this.#parts;
    const { network } = target;
    await this.#abandonProof();
    await this.#parts.checkKind(network);
    const facts = await this.#names.facts(network);
    const config = await wayOutConfig(facts);
    const { fence } = await records.read(this.#id);
    const stays = fence === null && !(await namesNarrow(records.folder(this.#id), network.policy));
    const held = stays && (await this.tunnel.holds(namespace, config));
    const found = held ? await gates.of(namespace, network.policy) : null;
    // Opened by this very agent and closed by nobody since: other rules are a flush or another policy.
    const stood = this.#gate === 'open' && this.#namespace?.inode === namespace.inode;
    await this.#own(namespace);
    this.#network = network;
    this.#image = target.image;
    if (held) {
      await this.#writeRuleSets();
      await this.#parts.traffic.follow(this.#id, namespace, network);
      await this.#names.follow(facts);
      if (found === null || found === 'proving') await this.#set(namespace, stood ? 'open' : 'closed');
      else this.#gate = found;
      await this.#followSurroundings(namespace);
      this.#returns = this.#gate === 'open';
    } else {
      if (this.#closedIn !== namespace.inode) await this.shut(namespace);
      await this.tunnel.end();
      // Not before: these files tell what the sing-box that runs has let pass, also to an agent that takes over.
      await this.#writeRuleSets();
      await this.#names.begin(facts);
    }
    await this.tunnel.up(namespace, config, signal);
    return held;
  }

  /**
   * Looks whether rules, links and routes are as they must be; `links`: those alone, where all was looked at just now.
   * Throws with a sentence when not; then it is fenced.
   */
  async check(namespace: Namespace, what: 'all' | 'links' = 'all'): Promise<void> {
    const { gates } = this.#parts;
    try {
      if (what === 'links') await gates.verifyLinks(namespace);
      else await gates.verify(namespace, this.#network?.policy ?? openPolicy);
    } catch (error) {
      // The tun may have gone just now; then the tunnel's own loop is on it.
      if (this.tunnel.state === 'up') await this.fence(sentence(error), 'check');
      throw error;
    }
  }

  /** Proves, where the mode or an earlier red proof asks for it, before `open`. Throws `proof_failed`; then it is fenced. */
  async admit(admission: Admission): Promise<void> {
    if (!(await this.#mustProve())) return;
    const namespace = this.#namespaceNow();
    const { restarts } = this.tunnel;
    if (this.#gate === 'open') {
      const { admitted } = await this.#parts.records.read(this.#id);
      if (admitted === this.#promise()) return;
    }
    const objection = await this.#proveClosed(namespace, admission);
    if (objection !== null) {
      await this.fence(objection, 'proof');
      throw new AppError('proof_failed', objection);
    }
    if (this.tunnel.restarts !== restarts || this.tunnel.state !== 'up') {
      throw new AppError('agent_failed', 'The tunnel ended while it was proven.');
    }
  }

  /** The last step: lets packets pass. Only after `up` and `admit`. */
  async open(cause: Proof['cause']): Promise<void> {
    if (this.#gate === 'open') return;
    if (this.tunnel.state !== 'up') {
      throw new AppError(
        'agent_failed',
        this.tunnel.reason ?? 'The tunnel ended before its gate was opened.',
      );
    }
    await this.#set(this.#namespaceNow(), 'open');
    this.#returns = true;
    await this.#opened(cause);
  }

  /** Cuts it off: rules closed, sing-box ended (open flows with it). The container lives on and can be logged in to. */
  async fence(reason: string, by: 'proof' | 'check'): Promise<void> {
    this.#returns = false;
    this.#fencedByProof = by === 'proof';
    if (this.#namespace) {
      await this.#set(this.#namespace, 'closed').catch((error) =>
        this.#parts.log.warn({ sandbox: this.#id, err: error }, 'could not close the rules of the sandbox'),
      );
    }
    await this.tunnel.fence(reason);
    await this.#recordFence(reason);
  }

  /** What was brought up and opened is looked at and, where something is wrong, mended. */
  async tend(
    namespace: Namespace,
    target: { network: NetworkSpec; image: string /** Not while it is paused. */; mayOpen: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { state } = this.tunnel;
    if (state === 'absent') return this.#bring(namespace, target, { cause: 'tunnel', signal });
    if (state === 'fenced') {
      const { fence } = await this.#parts.records.read(this.#id);
      if (fence?.by === 'proof' && Date.now() < this.#proofDueAt) return;
      return this.#bring(namespace, target, { cause: 'timer', signal });
    }
    // Restarting: the tunnel's own loop is on it.
    if (state !== 'up' || this.#network === null) return;
    await this.#followSurroundings(namespace);
    await this.mendRules(namespace);
    const right = await this.check(namespace).then(
      () => true,
      () => false,
    );
    if (!right || (await this.#followNames(namespace, signal))) return;
    if (this.#gate !== 'open' && target.mayOpen) {
      // An ensure was given up between the tunnel and the gate.
      await this.admit({ cause: 'tunnel', signal });
      return this.open('tunnel');
    }
    if (this.#gate === 'open' && this.#network.proof !== 'off' && Date.now() >= this.#proofDueAt) {
      this.#proveBeside('timer');
    }
  }

  /** Loads the rules again where somebody changed them; not while the tunnel's own loop does so. */
  async mendRules(namespace: Namespace): Promise<void> {
    const { gates, notices } = this.#parts;
    const settled = () => this.tunnel.state === 'up' || this.tunnel.state === 'fenced';
    if (this.#network === null || !settled()) return;
    if ((await gates.of(namespace, this.#network.policy)) === this.#gate || !settled()) return;
    await this.#set(namespace, this.#gate);
    notices.emit(
      this.#id,
      'rules.healed',
      'The firewall rules of the sandbox had been changed and were loaded again.',
    );
  }

  /** A proof now, in any mode. One that is fenced is brought up for it and opened when the proof is good. */
  async prove(
    namespace: Namespace,
    target: { network: NetworkSpec; image: string },
    admission: Admission,
  ): Promise<Proof> {
    if (this.tunnel.state === 'fenced' || this.tunnel.state === 'absent') {
      const before = await this.#parts.proofs.newest(this.#id, null);
      this.#fencedByProof = true;
      await this.#bring(namespace, target, admission);
      const after = await this.#parts.proofs.newest(this.#id, null);
      if (after !== null && after.id !== before?.id) return after;
    }
    await this.#abandonProof();
    const proof = await this.#take(admission);
    await this.#judge(proof);
    return proof;
  }

  /** Without sing-box and namespace, as when the container ended; its chain in the host table may stay for a restart. */
  async down(): Promise<void> {
    await this.#abandonProof();
    this.#names.stop();
    this.#returns = false;
    this.#gate = 'closed';
    await this.tunnel.down();
    await this.#parts.traffic.leave(this.#id);
    await this.#own(null);
  }
  /** `down`, and the host lets nothing pass for it any more. */
  async retire(): Promise<void> {
    await this.down();
    await this.#parts.host.set(this.#id, null);
  }
  /** Lets it run on without this agent. */
  async release(): Promise<void> {
    this.#names.stop();
    await this.#abandonProof();
    await this.tunnel.release();
    // One that its last restart began.
    await this.#abandonProof();
    await this.#own(null);
  }

  async #bring(
    namespace: Namespace,
    target: { network: NetworkSpec; image: string },
    admission: Admission,
  ): Promise<void> {
    await this.up(namespace, target, admission.signal);
    await this.admit(admission);
    await this.open(admission.cause);
  }

  /** The tunnel's loop has a new sing-box ready (or one of an earlier agent) that takes the traffic. Throws when it must not be used. */
  async #comeBack(namespace: Namespace, signal: AbortSignal): Promise<void> {
    const network = this.#network;
    if (network === null) throw new Error('a tunnel without a network');
    await this.#parts.gates.verify(namespace, network.policy, { routed: true });
    await this.#parts.traffic.follow(this.#id, namespace, network);
    if (!this.#returns || this.#gate === 'open') return;
    if (await this.#mustProve()) {
      const objection = await this.#proveClosed(namespace, { cause: 'tunnel', signal });
      if (objection !== null) {
        this.#fencedByProof = true;
        throw new AppError('proof_failed', objection);
      }
    }
    if (signal.aborted || !this.#returns) return;
    await this.#set(namespace, 'open');
    await this.#opened('tunnel');
  }

  /** What a proof is about: when it changes, an older proof says nothing. */
  #promise(): string {
    const { egressId, egress, dns, expectedAddress, proof, probes } = this.#network ?? directNetwork;
    return hashOf(JSON.stringify({ egressId, egress, dns, expectedAddress, proof, probes }));
  }

  async #opened(cause: Proof['cause']): Promise<void> {
    const { records, notices } = this.#parts;
    const { fence, admitted } = await records.read(this.#id);
    const promise = this.#promise();
    if (admitted !== promise) await records.change(this.#id, { admitted: promise });
    this.#retryMs = RETRY_FIRST_MS;
    this.#fencedByProof = false;
    if (fence !== null) {
      await records.change(this.#id, { fence: null });
      notices.emit(this.#id, 'network.unfenced', 'The way out of the sandbox is right again and open.');
    }
    // A fence's pause is over: when proofs are asked for later, the first is due at once.
    if (this.#network?.proof === 'off') this.#proofDueAt = 0;
    if (this.#network?.proof === 'watch') this.#proveBeside(cause);
  }

  async #recordFence(reason: string): Promise<void> {
    const { records, notices } = this.#parts;
    const { fence } = await records.read(this.#id);
    const by = this.#fencedByProof ? 'proof' : 'check';
    this.#returns = false;
    const longest = (this.#network?.probes.intervalSeconds ?? 0) * 1000;
    this.#proofDueAt = Date.now() + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, Math.max(longest, RETRY_FIRST_MS));
    if (fence?.reason === reason && fence.by === by) return;
    await records.change(this.#id, { fence: { reason, by, at: new Date().toISOString() } });
    notices.emit(this.#id, 'network.fenced', reason);
  }

  /** The mode asks for it, or a red proof fenced it and was not followed by a better one. */
  async #mustProve(): Promise<boolean> {
    if (this.#network === null || this.#network.proof === 'off') return false;
    if (this.#network.proof === 'gate') return true;
    const { fence } = await this.#parts.records.read(this.#id);
    return this.#fencedByProof || fence?.by === 'proof';
  }

  /** One proof while nothing but the probe may pass; why it must not be opened, or null. */
  async #proveClosed(namespace: Namespace, admission: Admission): Promise<string | null> {
    const network = this.#network;
    if (network === null) return 'There is no way out to prove.';
    if (this.#parts.prover === null) return 'This agent cannot take proofs.';
    await this.#set(namespace, 'proving');
    try {
      const proof = await this.#take(admission);
      const objection = objectionOf(proof, network.proof, 'opening');
      if (objection === null) return null;
      const cut = proof.checks.some((it) => it.name === 'connect' && it.result === 'fail');
      const why = await this.tunnel.complaint(cut && network.egress.kind !== 'direct');
      return why === null ? objection : `${objection} ${why}`;
    } catch (error) {
      if (admission.signal.aborted) throw error;
      return `The proof could not be taken: ${sentence(error)}`;
    } finally {
      if (this.#gate === 'proving') await this.#set(namespace, 'closed');
    }
  }

  /** A proof beside the running sandbox; a bad one fences. */
  #proveBeside(cause: Proof['cause']): void {
    if (this.#proving || this.#parts.prover === null) return;
    this.#schedule();
    const abort = new AbortController();
    const done = (async () => {
      try {
        if (cause === 'start' || cause === 'resume')
          await delay(WATCH_SETTLE_MS, undefined, { signal: abort.signal });
        const proof = await this.#take({ cause, signal: abort.signal });
        if (!abort.signal.aborted) await this.#judge(proof);
      } catch (error) {
        if (abort.signal.aborted) return;
        this.#parts.log.warn({ sandbox: this.#id, err: error }, 'a proof could not be taken, will try again');
      } finally {
        if (this.#proving?.abort === abort) this.#proving = undefined;
      }
    })();
    this.#proving = { abort, done };
  }

  async #judge(proof: Proof): Promise<void> {
    const objection = objectionOf(proof, this.#network?.proof ?? 'off', 'open');
    if (objection !== null && this.tunnel.state === 'up') await this.fence(objection, 'proof');
  }

  async #take(admission: Admission): Promise<Proof> {
    const network = this.#network;
    if (network === null) throw new AppError('unavailable', 'The sandbox has no way out to prove.');
    this.#schedule();
    await this.#parts.around.refresh();
    await this.#followSurroundings(this.#namespaceNow());
    return takeProof(this.#parts, { id: this.#id, image: this.#image, network }, admission);
  }

  #schedule(): void {
    const asked = (this.#network?.probes.intervalSeconds ?? 0) * 1000;
    this.#proofDueAt = Date.now() + (this.#parts.proofEveryMs ?? asked);
  }
  async #abandonProof(): Promise<void> {
    const proving = this.#proving;
    this.#proving = undefined;
    proving?.abort.abort(new Error('the way out changes'));
    await proving?.done;
  }

  /** A server or a granted name may have moved: the host's chain follows. True when it had to be brought up anew. */
  async #followNames(namespace: Namespace, signal: AbortSignal): Promise<boolean> {
    const network = this.#network;
    if (network === null || !this.#names.due()) return false;
    const facts = await this.#names.facts(network);
    if (await this.tunnel.holds(namespace, wayOutConfig(facts))) {
      await this.#names.follow(facts);
      return false;
    }
    // Of a kind that looks its server up only once.
    await this.#bring(namespace, { network, image: this.#image }, { cause: 'tunnel', signal });
    return true;
  }

  /** The host may have another address, or be on another network: refused from now on as well. */
  async #followSurroundings(namespace: Namespace): Promise<void> {
    if (!(await this.#parts.gates.stale(namespace))) return;
    await this.#set(namespace, this.#gate);
    await this.#writeRuleSets();
  }
  async #writeRuleSets(): Promise<void> {
    const { records, around } = this.#parts;
    await writeRuleSets(records.folder(this.#id), this.#network?.policy ?? openPolicy, await around.now());
  }
  async #set(namespace: Namespace, gate: Gate): Promise<void> {
    // Told before it is done, so that nobody takes a gate for open that is being closed.
    if (gate !== 'open') this.#gate = gate;
    this.#closedIn = null;
    await this.#parts.gates.load(namespace, gate, this.#network?.policy);
    this.#gate = gate;
    if (gate === 'closed') this.#closedIn = namespace.inode;
  }
  async #own(namespace: Namespace | null): Promise<void> {
    if (namespace !== null && this.#namespace?.inode === namespace.inode) return;
    await this.#watch?.close();
    this.#watch = undefined;
    if (this.#namespace !== null) this.#parts.gates.forget(this.#namespace);
    await this.#namespace?.close();
    this.#namespace = namespace === null ? null : await Namespace.ofProcess(namespace.pid);
    if (this.#namespace === null) return;
    const onChange = () => this.#parts.rulesChanged(this.#id);
    this.#watch = watchRules({ namespace: this.#namespace, about: '', onChange });
  }
  #namespaceNow(): Namespace {
    if (this.#namespace === null) throw new AppError('agent_failed', 'The container ended.');
    return this.#namespace;
  }
}

const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error));
