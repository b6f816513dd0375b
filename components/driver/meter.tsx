'use client';

import { PRICES_DATE } from '../../shared/models';
import { cx } from '../ui/cx';
import { type Figures, inputOf } from './figures';
import { dollars, figure } from './numbers';

/** From here on Claude Code will soon sum the conversation up by itself. */
const FULL_SHARE = 0.8;

function share(context: { tokens: number; window: number }): number {
  return Math.min(1, context.tokens / context.window);
}

/** How full the context is: a ring for the head of the pane. */
export function ContextRing({ context }: { context: NonNullable<Figures['context']> }) {
  const part = share(context);
  const percent = Math.round(part * 100);
  const around = 2 * Math.PI * 6;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <meter> cannot be drawn as a ring
    <span
      role="meter"
      aria-label="Context used"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={`${figure(context.tokens)} of ${figure(context.window)} tokens`}
      title={`Context: ${figure(context.tokens)} of ${figure(context.window)} tokens (${percent} %)`}
      className={cx(
        'inline-flex shrink-0 items-center gap-1',
        part >= FULL_SHARE ? 'text-warn' : 'text-ink-soft',
      )}
    >
      <svg viewBox="0 0 16 16" className="size-4 -rotate-90" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" strokeWidth="3" className="stroke-line" />
        <circle
          cx="8"
          cy="8"
          r="6"
          fill="none"
          strokeWidth="3"
          stroke="currentColor"
          strokeDasharray={`${part * around} ${around}`}
        />
      </svg>
      <span className="tabular whitespace-nowrap text-2xs">{percent} %</span>
    </span>
  );
}

function Line({ label, value, hint }: { label: string; value: string; hint?: string | undefined }) {
  return (
    <div className="flex justify-between gap-3" title={hint}>
      <dt className="text-ink-faint">{label}</dt>
      <dd className="tabular">{value}</dd>
    </div>
  );
}

export function Meter({ figures }: { figures: Figures }) {
  const { tokens, cost, estimated, context } = figures;
  const part = context ? share(context) : 0;
  return (
    <div className="grid gap-2 text-xs">
      {context && (
        <div className="grid gap-1">
          <div className="flex justify-between">
            <span className="text-ink-faint">Context</span>
            <span className="tabular">
              {figure(context.tokens)} of {figure(context.window)}
            </span>
          </div>
          <div className="h-1.5 overflow-hidden rounded-full bg-line" aria-hidden>
            <div
              className={cx('h-full', part >= FULL_SHARE ? 'bg-warn' : 'bg-accent')}
              style={{ width: `${part * 100}%` }}
            />
          </div>
        </div>
      )}
      <dl className="grid gap-0.5">
        <Line label="Input" value={figure(inputOf(tokens))} />
        <Line
          label="of it from cache"
          value={inputOf(tokens) > 0 ? `${Math.round((tokens.cacheRead / inputOf(tokens)) * 100)} %` : '–'}
        />
        <Line label="Output" value={figure(tokens.output)} />
        {cost !== null && (
          <Line
            label={estimated ? 'Cost, about' : 'Cost'}
            value={dollars(cost)}
            hint={estimated ? `By Anthropic's price list of ${PRICES_DATE}` : 'As Claude Code counts it'}
          />
        )}
      </dl>
    </div>
  );
}
