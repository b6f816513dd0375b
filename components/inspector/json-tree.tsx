'use client';

import { ChevronRight } from 'lucide-react';
import { useMemo, useState } from 'react';
import { cx } from '../ui/cx';

/** A longer string is cut until it is asked for: one API request holds hundreds of kilobytes. */
const STRING_MAX_CHARS = 600;
/** Members of an object or list that are drawn at once. */
const MEMBERS_MAX = 200;

function Text({ value }: { value: string }) {
  const [whole, setWhole] = useState(false);
  const long = value.length > STRING_MAX_CHARS;
  return (
    <span className="whitespace-pre-wrap break-words text-good [overflow-wrap:anywhere]">
      {JSON.stringify(long && !whole ? value.slice(0, STRING_MAX_CHARS) : value)
        .replaceAll('\\n', '\n')
        .replaceAll('\\"', '"')}
      {long && (
        <button
          type="button"
          className="ml-1 font-sans text-accent underline underline-offset-2"
          onClick={() => setWhole(!whole)}
        >
          {whole ? 'less' : `… ${(value.length - STRING_MAX_CHARS).toLocaleString()} more characters`}
        </button>
      )}
    </span>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === 'string') return <Text value={value} />;
  const tone = typeof value === 'number' ? 'text-accent' : 'text-warn';
  return <span className={tone}>{String(value)}</span>;
}

function summary(value: object): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  const keys = Object.keys(value);
  const shown = keys.slice(0, 4).join(', ');
  return `{${shown}${keys.length > 4 ? ', …' : ''}}`;
}

function Member({
  name,
  value,
  depth,
  open,
}: {
  name: string | null;
  value: unknown;
  depth: number;
  open: number;
}) {
  const [expanded, setExpanded] = useState(depth < open);
  const [all, setAll] = useState(false);
  const label = name !== null && <span className="text-ink-faint">{name}: </span>;
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0)
    return (
      <div className="py-px pl-4">
        {label}
        {typeof value === 'object' && value !== null ? (
          <span className="text-ink-faint">{Array.isArray(value) ? '[]' : '{}'}</span>
        ) : (
          <Leaf value={value} />
        )}
      </div>
    );
  const members = Object.entries(value);
  const shown = all ? members : members.slice(0, MEMBERS_MAX);
  return (
    <div>
      <button
        type="button"
        aria-expanded={expanded}
        onClick={() => setExpanded(!expanded)}
        className="flex w-full min-w-0 items-center gap-0.5 rounded py-px text-left hover:bg-sunken focus-visible:-outline-offset-2"
      >
        <ChevronRight
          className={cx('size-3.5 shrink-0 text-ink-faint transition-transform', expanded && 'rotate-90')}
          aria-hidden
        />
        <span className="min-w-0 truncate">
          {label}
          <span className="text-ink-faint">{summary(value)}</span>
        </span>
      </button>
      {expanded && (
        <div className="ml-1.5 border-l pl-2">
          {shown.map(([key, member]) => (
            <Member key={key} name={key} value={member} depth={depth + 1} open={open} />
          ))}
          {shown.length < members.length && (
            <button
              type="button"
              className="pl-4 font-sans text-accent underline underline-offset-2"
              onClick={() => setAll(true)}
            >
              {members.length - shown.length} more
            </button>
          )}
        </div>
      )}
    </div>
  );
}

/** Any JSON value as a tree. `open`: levels that are unfolded at first. */
export function JsonTree({ value, open = 2 }: { value: unknown; open?: number }) {
  return (
    <div className="font-mono text-xs leading-5">
      <Member name={null} value={value} depth={0} open={open} />
    </div>
  );
}

/** A text that may be JSON: as a tree then, else as it stands. */
export function MaybeJson({ text, open = 2 }: { text: string; open?: number }) {
  const parsed = useMemo(() => {
    try {
      return { value: JSON.parse(text) as unknown };
    } catch {
      return null;
    }
  }, [text]);
  if (parsed) return <JsonTree value={parsed.value} open={open} />;
  return (
    <pre className="whitespace-pre-wrap break-words text-xs [overflow-wrap:anywhere]">
      {text || '(empty)'}
    </pre>
  );
}
