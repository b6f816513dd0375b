import type { NetworkSpec } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import { openPolicy } from '../../shared/network-policy';
import type { Proof } from '../../shared/proof';
import type { Namespace } from '../apply/netns';
import type { Gate } from '../plan/sandbox-rules';
import { wayOutHost, wayOutPlan } from '../plan/way-out';
import type { TrafficWatch } from '../traffic/traffic';
import { namesNarrow } from './rule-sets';
import { Tunnel } from './tunnel';
import { WayGate, type WayGateParts } from './way-gate';
import { type NameParts, WayNames } from './way-names';
import type { Admission } from './way-proof';
import { type WayProofParts, WayProofs } from './way-proofs';

export interface WayOutParts extends NameParts, WayProofParts, WayGateParts {
  traffic: TrafficWatch;
  /** Throws with the reason when this host cannot serve it. */
  checkKind(network: NetworkSpec): Promise<void>;
}

/**
 * One sandbox's way out: its gate (rules in its namespace), its tunnel (sing-box, and for WireGuard what leads to the
 * peer) and its chain in the host table, and all transitions between these states:
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
  #image = '';
  readonly #gate: WayGate;
  readonly #proofs: WayProofs;
  /** It was open since it was brought up last: it opens again by itself after its tunnel fell. */
  #returns = false;

  constructor(id: string, parts: WayOutParts) {
    this.#id = id;
    this.#parts = parts;
    this.#names = new WayNames(id, parts);
    this.#gate = new WayGate(id, parts);
    const { notices } = parts;
    this.tunnel = new Tunnel({
      id,
      records: parts.records,
      log: parts.log,
      admit: (namespace, signal) => this.#comeBack(namespace, signal),
      close: (namespace) => this.#gate.set(namespace, 'closed'),
      cut: (namespace) => this.#gate.cutFlows(namespace),
      onDown: (reason) => {
        notices.emit(id, 'tunnel.down', reason);
        void parts.traffic.fell(id);
      },
      onBack: () => notices.emit(id, 'tunnel.up', 'The tunnel is up again and verified.'),
      onRefused: (reason) => this.#recordFence(reason),
    });
    this.#proofs = new WayProofs(id, parts, {
      gate: this.#gate,
      tunnel: this.tunnel,
      image: () => this.#image,
      fence: (reason) => this.fence(reason, 'proof'),
    });
  }

  get gate(): Gate {
    return this.#gate.state;
  }
  get network(): NetworkSpec | null {
    return this.#gate.network;
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
    await this.#proofs.abandon();
    this.#returns = false;
    await this.#gate.set(namespace, 'closed');
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
    await this.#proofs.abandon();
    await this.#parts.checkKind(network);
    const facts = await this.#names.facts(network);
    const plan = wayOutPlan(facts);
    const { fence, tunnel } = await records.read(this.#id);
    const stays = fence === null && !(await namesNarrow(records.folder(this.#id), network.policy));
    const held = stays && (await this.tunnel.holds(namespace, plan));
    const found = held ? await gates.of(namespace, network.policy) : null;
    // Opened by this very agent and closed by nobody since: other rules are a flush or another policy.
    const stood = this.#gate.state === 'open' && this.#gate.namespace?.inode === namespace.inode;
    await this.#gate.own(namespace);
    this.#gate.judgeBy(network);
    this.#image = target.image;
    if (held) {
      await this.#gate.writeRuleSets();
      await this.#parts.traffic.follow(this.#id, namespace, network);
      await this.#names.follow(facts);
      await this.tunnel.follow(plan);
      if (found === null || found === 'proving') await this.#gate.set(namespace, stood ? 'open' : 'closed');
      else this.#gate.found(found);
      await this.#gate.followSurroundings(namespace);
      this.#returns = this.#gate.state === 'open';
    } else {
      if (!this.#gate.isClosedIn(namespace)) await this.shut(namespace);
      await this.tunnel.end();
      // A namespace that never had one has no flows.
      if (tunnel !== null) await this.#gate.cutFlows(namespace);
      // Not before: these files tell what the sing-box that runs has let pass, also to an agent that takes over.
      await this.#gate.writeRuleSets();
      await this.#names.begin(facts);
    }
    await this.tunnel.up(namespace, plan, signal);
    this.#gate.watch();
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
      else await gates.verify(namespace, this.#gate.network?.policy ?? openPolicy);
    } catch (error) {
      // The tun may have gone just now; then the tunnel's own loop is on it.
      if (this.tunnel.state === 'up') await this.fence(sentence(error), 'check');
      throw error;
    }
  }

  /** Proves, where the mode or an earlier red proof asks for it, before `open`. Throws `proof_failed`; then it is fenced. */
  async admit(admission: Admission): Promise<void> {
    if (!(await this.#proofs.mustProve())) return;
    const namespace = this.#gate.here;
    const { restarts } = this.tunnel;
    if (this.#gate.state === 'open') {
      const { admitted } = await this.#parts.records.read(this.#id);
      if (admitted === this.#proofs.promise()) return;
    }
    const objection = await this.#proofs.proveClosed(namespace, admission);
    if (objection !== null) {
      await this.fence(objection, 'proof');
      throw new AppError('proof_failed', objection);
    }
    if (this.tunnel.restarts !== restarts || this.tunnel.state !== 'up') {
      throw new AppError('agent_failed', 'The tunnel ended while it was proven.');
    }
  }

  /** `open`, but only where no proof has a say. Only after `up`. */
  async openUnproven(cause: Proof['cause']): Promise<void> {
    if (this.network?.proof === 'off') await this.open(cause);
  }

  /** The last step: lets packets pass. Only after `up` and `admit`. */
  async open(cause: Proof['cause']): Promise<void> {
    if (this.#gate.state === 'open') return;
    if (this.tunnel.state !== 'up') {
      throw new AppError(
        'agent_failed',
        this.tunnel.reason ?? 'The tunnel ended before its gate was opened.',
      );
    }
    await this.#gate.set(this.#gate.here, 'open');
    this.#returns = true;
    await this.#opened(cause);
  }

  /** Cuts it off: rules closed, sing-box ended, open flows aborted. The container lives on and can be logged in to. */
  async fence(reason: string, by: 'proof' | 'check'): Promise<void> {
    this.#returns = false;
    this.#proofs.fenced = by === 'proof';
    if (this.#gate.namespace) {
      await this.#gate
        .set(this.#gate.namespace, 'closed')
        .catch((error) =>
          this.#parts.log.warn({ sandbox: this.#id, err: error }, 'could not close the rules of the sandbox'),
        );
    }
    await this.tunnel.fence(reason);
    if (this.#gate.namespace) await this.#gate.cutFlows(this.#gate.namespace);
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
      if (fence?.by === 'proof' && !this.#proofs.due) return;
      return this.#bring(namespace, target, { cause: 'timer', signal });
    }
    // Restarting: the tunnel's own loop is on it.
    if (state !== 'up' || this.#gate.network === null) return;
    await this.#gate.followSurroundings(namespace);
    await this.mendRules(namespace);
    const right = await this.check(namespace).then(
      () => true,
      () => false,
    );
    if (!right || (await this.#followNames(namespace, signal))) return;
    if (this.#gate.state !== 'open' && target.mayOpen) {
      // An ensure was given up between the tunnel and the gate.
      await this.admit({ cause: 'tunnel', signal });
      return this.open('tunnel');
    }
    if (this.#gate.state === 'open' && this.#gate.network.proof !== 'off' && this.#proofs.due) {
      this.#proofs.proveBeside('timer');
    }
  }

  /** Loads the rules again where somebody changed them; not while the tunnel's own loop does so. */
  async mendRules(namespace: Namespace): Promise<void> {
    const settled = () => this.tunnel.state === 'up' || this.tunnel.state === 'fenced';
    if (!(await this.#gate.mend(namespace, settled))) return;
    this.#parts.notices.emit(
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
      this.#proofs.fenced = true;
      await this.#bring(namespace, target, admission);
      const after = await this.#parts.proofs.newest(this.#id, null);
      if (after !== null && after.id !== before?.id) return after;
    }
    await this.#proofs.abandon();
    const proof = await this.#proofs.take(admission);
    await this.#proofs.judge(proof);
    return proof;
  }

  /** Without sing-box and namespace, as when the container ended; its chain in the host table may stay for a restart. */
  async down(): Promise<void> {
    await this.#proofs.abandon();
    this.#names.stop();
    this.#returns = false;
    this.#gate.found('closed');
    await this.tunnel.down();
    await this.#parts.traffic.leave(this.#id);
    await this.#gate.own(null);
  }
  /** `down`, and the host lets nothing pass for it any more. */
  async retire(): Promise<void> {
    await this.down();
    await this.#parts.host.set(this.#id, null);
  }
  /** Lets it run on without this agent. */
  async release(): Promise<void> {
    this.#names.stop();
    await this.#proofs.abandon();
    await this.tunnel.release();
    // One that its last restart began.
    await this.#proofs.abandon();
    await this.#gate.own(null);
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
    const network = this.#gate.network;
    if (network === null) throw new Error('a tunnel without a network');
    await Promise.all([
      this.#parts.gates.verify(namespace, network.policy, { routed: true }),
      this.#parts.traffic.follow(this.#id, namespace, network),
    ]);
    if (!this.#returns || this.#gate.state === 'open') return;
    if (await this.#proofs.mustProve()) {
      const objection = await this.#proofs.proveClosed(namespace, { cause: 'tunnel', signal });
      if (objection !== null) {
        this.#proofs.fenced = true;
        throw new AppError('proof_failed', objection);
      }
    }
    if (signal.aborted || !this.#returns) return;
    await this.#gate.set(namespace, 'open');
    await this.#opened('tunnel');
  }

  async #opened(cause: Proof['cause']): Promise<void> {
    const { records, notices } = this.#parts;
    const { fence, admitted } = await records.read(this.#id);
    const promise = this.#proofs.promise();
    if (admitted !== promise) await records.change(this.#id, { admitted: promise });
    if (fence !== null) {
      await records.change(this.#id, { fence: null });
      notices.emit(this.#id, 'network.unfenced', 'The way out of the sandbox is right again and open.');
    }
    this.#proofs.opened(cause);
  }

  async #recordFence(reason: string): Promise<void> {
    const { records, notices } = this.#parts;
    const { fence } = await records.read(this.#id);
    const by = this.#proofs.fenced ? 'proof' : 'check';
    this.#returns = false;
    this.#proofs.pause();
    if (fence?.reason === reason && fence.by === by) return;
    await records.change(this.#id, { fence: { reason, by, at: new Date().toISOString() } });
    notices.emit(this.#id, 'network.fenced', reason);
  }

  /** A server or a granted name may have moved: the host's chain follows. True when it had to be brought up anew. */
  async #followNames(namespace: Namespace, signal: AbortSignal): Promise<boolean> {
    const network = this.#gate.network;
    if (network === null || !this.#names.due()) return false;
    const facts = await this.#names.facts(network);
    const plan = wayOutPlan(facts);
    if (await this.tunnel.holds(namespace, plan)) {
      await this.#names.follow(facts);
      await this.tunnel.follow(plan);
      return false;
    }
    // WireGuard in user space looks its peer up only once.
    await this.#bring(namespace, { network, image: this.#image }, { cause: 'tunnel', signal });
    return true;
  }
}

const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error));
