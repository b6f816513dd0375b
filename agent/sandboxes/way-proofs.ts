import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { directNetwork } from '../../shared/agent-api';
import { AppError } from '../../shared/errors';
import type { Proof } from '../../shared/proof';
import type { Namespace } from '../apply/netns';
import { hashOf } from '../apply/singbox';
import { objectionOf } from './proofs';
import type { Records } from './records';
import type { Tunnel } from './tunnel';
import type { WayGate } from './way-gate';
import { type Admission, type ProofParts, takeProof } from './way-proof';

export interface WayProofParts extends ProofParts {
  records: Records;
  log: Logger;
  proofEveryMs?: number | undefined;
}
/** After a red proof it is tried again by itself: first after this, then after twice as long, up to the interval. */
const RETRY_FIRST_MS = 30_000;
/** A proof beside a start waits so long: Claude comes up in that time, and a person waits for that. */
const WATCH_SETTLE_MS = 4_000;

/** What a proof is of. */
export interface ProvenWay {
  gate: WayGate;
  tunnel: Tunnel;
  image(): string;
  /** A proof objects. */
  fence(reason: string): Promise<void>;
}

/** The proofs of one way out: when one is due or needed, and what follows from it. */
export class WayProofs {
  readonly #id: string;
  readonly #parts: WayProofParts;
  readonly #way: ProvenWay;
  #proving: { abort: AbortController; done: Promise<unknown> } | undefined;
  #dueAt = 0;
  #retryMs = RETRY_FIRST_MS;
  /** It was a proof that fenced it last, not a look at rules and links. */
  fenced = false;

  constructor(id: string, parts: WayProofParts, way: ProvenWay) {
    this.#id = id;
    this.#parts = parts;
    this.#way = way;
  }

  get due(): boolean {
    return Date.now() >= this.#dueAt;
  }

  /** What a proof is about: when it changes, an older proof says nothing. */
  promise(): string {
    const { egressId, egress, dns, expectedAddress, proof, probes } = this.#way.gate.network ?? directNetwork;
    return hashOf(JSON.stringify({ egressId, egress, dns, expectedAddress, proof, probes }));
  }

  /** The mode asks for it, or a red proof fenced it and was not followed by a better one. */
  async mustProve(): Promise<boolean> {
    if (this.#way.gate.network === null || this.#way.gate.network.proof === 'off') return false;
    if (this.#way.gate.network.proof === 'gate') return true;
    const { fence } = await this.#parts.records.read(this.#id);
    return this.fenced || fence?.by === 'proof';
  }

  /** One proof while nothing but the probe may pass; why it must not be opened, or null. */
  async proveClosed(namespace: Namespace, admission: Admission): Promise<string | null> {
    const network = this.#way.gate.network;
    if (network === null) return 'There is no way out to prove.';
    if (this.#parts.prover === null) return 'This agent cannot take proofs.';
    await this.#way.gate.set(namespace, 'proving');
    try {
      const proof = await this.take(admission);
      const objection = objectionOf(proof, network.proof, 'opening');
      if (objection === null) return null;
      const cut = proof.checks.some((it) => it.name === 'connect' && it.result === 'fail');
      const why = await this.#way.tunnel.complaint(cut && network.egress.kind !== 'direct');
      return why === null ? objection : `${objection} ${why}`;
    } catch (error) {
      if (admission.signal.aborted) throw error;
      return `The proof could not be taken: ${sentence(error)}`;
    } finally {
      if (this.#way.gate.state === 'proving') await this.#way.gate.set(namespace, 'closed');
    }
  }

  /** A proof beside the running sandbox; a bad one fences. */
  proveBeside(cause: Proof['cause']): void {
    if (this.#proving || this.#parts.prover === null) return;
    this.#schedule();
    const abort = new AbortController();
    const done = (async () => {
      try {
        if (cause === 'start' || cause === 'resume')
          await delay(WATCH_SETTLE_MS, undefined, { signal: abort.signal });
        const proof = await this.take({ cause, signal: abort.signal });
        if (!abort.signal.aborted) await this.judge(proof);
      } catch (error) {
        if (abort.signal.aborted) return;
        this.#parts.log.warn({ sandbox: this.#id, err: error }, 'a proof could not be taken, will try again');
      } finally {
        if (this.#proving?.abort === abort) this.#proving = undefined;
      }
    })();
    this.#proving = { abort, done };
  }

  /** What follows from a proof of an open sandbox. */
  async judge(proof: Proof): Promise<void> {
    const objection = objectionOf(proof, this.#way.gate.network?.proof ?? 'off', 'open');
    if (objection !== null && this.#way.tunnel.state === 'up') await this.#way.fence(objection);
  }

  /** It is open: what was wrong is over. */
  opened(cause: Proof['cause']): void {
    this.#retryMs = RETRY_FIRST_MS;
    this.fenced = false;
    // A fence's pause is over: when proofs are asked for later, the first is due at once.
    if (this.#way.gate.network?.proof === 'off') this.#dueAt = 0;
    if (this.#way.gate.network?.proof === 'watch') this.proveBeside(cause);
  }

  /** It was fenced: the next try waits. */
  pause(): void {
    const longest = (this.#way.gate.network?.probes.intervalSeconds ?? 0) * 1000;
    this.#dueAt = Date.now() + this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, Math.max(longest, RETRY_FIRST_MS));
  }

  /** One proof, kept. */
  async take(admission: Admission): Promise<Proof> {
    const network = this.#way.gate.network;
    if (network === null) throw new AppError('unavailable', 'The sandbox has no way out to prove.');
    this.#schedule();
    await this.#parts.around.refresh();
    await this.#way.gate.followSurroundings(this.#way.gate.here);
    return takeProof(this.#parts, { id: this.#id, image: this.#way.image(), network }, admission);
  }

  /** Ends the one that runs beside the sandbox. */
  async abandon(): Promise<void> {
    const proving = this.#proving;
    this.#proving = undefined;
    proving?.abort.abort(new Error('the way out changes'));
    await proving?.done;
  }

  #schedule(): void {
    const asked = (this.#way.gate.network?.probes.intervalSeconds ?? 0) * 1000;
    this.#dueAt = Date.now() + (this.#parts.proofEveryMs ?? asked);
  }
}

const sentence = (error: unknown) => (error instanceof Error ? error.message : String(error));
