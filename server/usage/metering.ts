/** What the API proxy asks about a request of a sandbox: may it go, and what has it cost. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { TokenCounts } from '../../shared/usage';
import type { Budget, Ledger, Payer, Spent, Ticket } from './ledger';
import { type AnswerMeter, createAnswerMeter } from './meter';
import { BYTES_PER_TOKEN, type RequestFigures, type UsageStore } from './store';

export interface MeteredRequest {
  sandboxId: string;
  sessionId: string | null;
  /** A Provider's id, or `gateway`. */
  provider: string;
  /** Of its body, as announced; 0 when it is not. */
  bytes: number;
  /** It asks for a message, of which the API always says what it has cost. */
  message: boolean;
}

/** One request on its way. `end` is called exactly once, whatever happens. */
export interface Metered {
  answered(status: number, headers: IncomingHttpHeaders): void;
  data(chunk: Buffer): void;
  /** cut: by either side, before its answer was whole. unanswered: the API was not reached. */
  end(how: 'whole' | 'cut' | 'unanswered'): void;
}

export type Metering = (
  request: MeteredRequest,
) => Promise<{ metered: Metered } | { refused: string; retryAfterSeconds: number } | { unknown: string }>;

export function createMetering(options: {
  ledger: Ledger;
  store: UsageStore;
  log: Logger;
  /** Whose sandbox and session it is; null: of nobody that is known. */
  payerOf(place: { sandboxId: string; sessionId: string | null }): Promise<Payer | null>;
  onReached(spent: Spent): void;
  now?: () => Date;
}): Metering {
  const { ledger, store, log, now = () => new Date() } = options;

  function meteredOf(ticket: Ticket, request: MeteredRequest): Metered {
    const { payer, at } = ticket;
    const { provider, bytes, message } = request;
    const id = store.begin({ payer, at, provider, bytes });
    const since = performance.now();
    let meter: AnswerMeter | null = null;
    let status: number | null = null;
    let upstreamId: string | null = null;
    let ttftMs: number | null = null;
    let ended = false;

    async function settle(how: 'whole' | 'cut' | 'unanswered'): Promise<void> {
      const durationMs = performance.now() - since;
      const read = await meter?.finish();
      // An error is free.
      const failed = how === 'unanswered' || (status !== null && status >= 400);
      const counts = failed ? none : (read ?? none);
      // Cut before the API said what it has read, or never told: it has read it all the same.
      const untold = how === 'cut' || (message && !read?.exact);
      const unsaid = untold && !failed && tokensOf(counts) === counts.output;
      const input = unsaid ? Math.ceil(bytes / BYTES_PER_TOKEN) : counts.input;
      const figures: RequestFigures = {
        input,
        output: counts.output,
        cacheRead: counts.cacheRead,
        cacheWrite: counts.cacheWrite,
        cacheWriteHour: counts.cacheWriteHour,
        model: read?.model ?? '',
        status,
        ttftMs,
        durationMs,
        upstreamId,
        // What is no message and tells no figures has cost none.
        exact: failed || (read?.exact ?? false) || (!message && how === 'whole' && tokensOf(counts) === 0),
        state: failed ? 'failed' : how === 'whole' ? 'done' : 'cut',
      };
      const spent = store.end(id, { payer, at, provider, figures });
      for (const it of ledger.settle(ticket, spent)) options.onReached(it);
    }

    return {
      answered(code, headers) {
        status = code;
        upstreamId = textOf(headers['request-id']) ?? null;
        meter = createAnswerMeter({
          contentType: headers['content-type'],
          encoding: textOf(headers['content-encoding']),
        });
      },
      data(chunk) {
        ttftMs ??= performance.now() - since;
        meter?.push(chunk);
      },
      end(how) {
        if (ended) return;
        ended = true;
        settle(how).catch((error: unknown) => log.error({ err: error }, 'a request was not counted'));
      },
    };
  }

  return async (request) => {
    const payer = await options.payerOf(request);
    if (!payer) return { unknown: 'Nobody is known who pays for this: the sandbox or its session is gone.' };
    if (store.failing && ledger.bounded(payer))
      return { refused: 'Usage cannot be counted now, and a budget stands over it.', retryAfterSeconds: 5 };
    const admission = await ledger.admit(payer);
    if ('ticket' in admission) return { metered: meteredOf(admission.ticket, request) };
    const { budget, resetsAt } = admission.refused;
    const seconds = Math.max(1, Math.ceil((resetsAt.getTime() - now().getTime()) / 1_000));
    return { refused: sentence(budget, resetsAt), retryAfterSeconds: seconds };
  };
}

const tokensOf = (it: TokenCounts): number => it.input + it.output + it.cacheRead + it.cacheWrite;
const none = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cacheWriteHour: 0 };

const amounts = {
  tokens: (it: number) => `${it.toLocaleString('en')} tokens`,
  usd: (it: number) => `$${it.toLocaleString('en', { minimumFractionDigits: 2 })}`,
  requests: (it: number) => `${it.toLocaleString('en')} requests`,
};

function sentence(budget: Budget, resetsAt: Date): string {
  const whose = budget.target === 'user' ? 'your account' : `this ${budget.target}`;
  const until = resetsAt.toISOString().slice(0, 16).replace('T', ' ');
  return (
    `The budget of ${amounts[budget.measure](budget.limit)} a ${budget.window} for ${whose} is used up; ` +
    `it begins anew at ${until} UTC. An administrator can raise it.`
  );
}

const textOf = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
