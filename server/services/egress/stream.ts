/** A stream operation of the agent as events that a reader pulls. */
import type { AgentCheck } from '../../../shared/agent-api';
import type { ProofEvent } from '../../../shared/egress-views';
import { toAppError } from '../../../shared/errors';
import type { Proof } from '../../../shared/proof';

/**
 * Ends with `proof` or `error`. The work is canceled with the signal, and when the reader leaves early.
 * Checks are at most a few dozen small objects, so the queue needs no bound.
 */
export async function* proofEvents(
  run: (options: { signal: AbortSignal; onCheck: (check: AgentCheck) => void }) => Promise<Proof>,
  signal: AbortSignal,
): AsyncGenerator<ProofEvent> {
  const left = new AbortController();
  const queue: ProofEvent[] = [];
  let wake: (() => void) | undefined;
  let ended = false;
  const push = (event: ProofEvent) => {
    queue.push(event);
    wake?.();
  };
  // At once, so that a reader knows that it is let in before the host has done anything.
  push({ type: 'check', stage: null, state: 'started', name: null, message: 'Asking the host' });
  const work = run({
    signal: AbortSignal.any([signal, left.signal]),
    onCheck: (check) => push(eventOf(check)),
  })
    .then(
      (proof) => push({ type: 'proof', proof }),
      (thrown: unknown) => {
        const { code, message } = toAppError(thrown);
        push({ type: 'error', code, error: message });
      },
    )
    .finally(() => {
      ended = true;
      wake?.();
    });
  try {
    for (;;) {
      const next = queue.shift();
      if (next) yield next;
      else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    left.abort();
    await work;
  }
}

function eventOf(check: AgentCheck): ProofEvent {
  const { stage, state, message } = check;
  return { type: 'check', stage, state, name: check.check?.name ?? null, message };
}
