import type { DnsQuestion } from '../../shared/traffic';
import type { Judge } from './judge';
import type { LogLine } from './log-line';

/** Questions without an answer in the log are told as failed after this: sing-box gives up after ten seconds. */
const WAIT_MS = 15_000;
/** Questions under way; who asks more at once is told of the newest. */
export const WAITING_MAX = 2048;
/** Addresses whose names are known: a machine in daily use speaks to some hundred. */
export const NAMES_MAX = 4096;

interface Waiting {
  id: string;
  at: number;
  name: string;
  type: string;
  /** `socketKey` of who asked, where it is known. */
  socket: string | undefined;
}
export const socketKey = (network: string, port: number): string => `${network} ${port}`;

/** Follows a sandbox's questions for names from asking to answer, and what their answers meant. */
export class Questions {
  #waiting: Waiting[] = [];
  /** By connection. */
  readonly #sockets = new Map<string, string>();
  /** Not told yet: whether a proof asked is known when the kernel was read. */
  #untold: { socket: string | undefined; question: DnsQuestion }[] = [];
  /** Answered last by each connection: the records that follow belong to it. */
  readonly #answered = new Map<string, { name: string; question: DnsQuestion | null }>();
  readonly #names = new Map<string, string>();
  readonly #tell: (question: DnsQuestion) => void;

  constructor(tell: (question: DnsQuestion) => void) {
    this.#tell = tell;
  }

  /** The name that was asked for last and meant this address. */
  nameOf(address: string): string | undefined {
    return this.#names.get(address);
  }

  line({ id, at, told }: LogLine, judge: Judge): void {
    switch (told.kind) {
      case 'from':
        this.#remember(this.#sockets, id, socketKey(told.network, told.port), WAITING_MAX);
        return;
      case 'asked':
        this.#waiting.push({ id, at, name: told.name, type: told.type, socket: this.#sockets.get(id) });
        if (this.#waiting.length > WAITING_MAX) this.#end(this.#waiting.shift(), 'failed', null, judge);
        return;
      case 'answered': {
        const waiting = this.#take(id, (it) => it.name === told.name && it.type !== 'AAAA');
        const failed = told.code !== 'NOERROR' && told.code !== 'NXDOMAIN';
        const answer = told.code === 'NOERROR' ? null : told.code;
        const question = this.#end(waiting, failed ? 'failed' : 'answered', answer, judge);
        this.#remember(this.#answered, id, { name: told.name, question }, WAITING_MAX);
        return;
      }
      case 'record': {
        const answered = this.#answered.get(id);
        if (answered === undefined) return;
        if (told.type === 'A') this.#remember(this.#names, told.value, answered.name, NAMES_MAX);
        const { question } = answered;
        if (question !== null && question.answer === null && told.type === question.type) {
          question.answer = told.value.slice(0, ANSWER_MAX);
        }
        return;
      }
      case 'refused': {
        const waiting =
          told.code === 'NXDOMAIN'
            ? this.#take(id, (it) => judge.ofName(it.name) !== null)
            : this.#take(id, () => true);
        const denied = told.code === 'NXDOMAIN';
        const outcome = denied ? 'denied' : told.code === 'NOERROR' ? 'answered' : 'failed';
        this.#end(waiting, outcome, outcome === 'failed' ? told.code : null, judge);
        return;
      }
      case 'unsupported':
        this.#end(
          this.#take(id, (it) => it.type === 'AAAA'),
          'answered',
          null,
          judge,
        );
        return;
      case 'failed':
        this.#end(
          this.#take(id, (it) => it.name === told.name && it.type === told.type),
          'failed',
          null,
          judge,
        );
        return;
    }
  }

  /** After the kernel was read: gives up waiting, and tells all but what `probes`, the sockets of proofs, asked. */
  tick(now: number, judge: Judge, probes: ReadonlySet<string>): void {
    while (this.#waiting[0] !== undefined && now - this.#waiting[0].at > WAIT_MS) {
      this.#end(this.#waiting.shift(), 'failed', null, judge);
    }
    for (const { socket, question } of this.#untold) {
      if (socket === undefined || !probes.has(socket)) this.#tell(question);
    }
    this.#untold = [];
  }

  #take(id: string, matches: (waiting: Waiting) => boolean): Waiting | undefined {
    const index = this.#waiting.findIndex((it) => it.id === id && matches(it));
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #end(
    waiting: Waiting | undefined,
    outcome: DnsQuestion['outcome'],
    answer: string | null,
    judge: Judge,
  ): DnsQuestion | null {
    if (waiting === undefined) return null;
    const { name, type, at, socket } = waiting;
    const learnt = outcome === 'answered' && judge.ofName(name)?.verdict === 'would-deny';
    const question: DnsQuestion = {
      at: new Date(at).toISOString(),
      ...{ name: name.slice(0, NAME_MAX), type, outcome: learnt ? 'would-deny' : outcome, answer },
    };
    this.#untold.push({ socket, question });
    return question;
  }

  #remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
    map.delete(key);
    map.set(key, value);
    for (const oldest of map.keys()) {
      if (map.size <= max) return;
      map.delete(oldest);
    }
  }
}
/** RFC 1035: 253 letters; more are escapes of the log. */
const NAME_MAX = 253;
/** A TXT answer may be long; this is to show what it was about. */
const ANSWER_MAX = 200;
