'use client';

import {
  Ban,
  Bot,
  ChevronRight,
  CircleAlert,
  CircleCheck,
  CircleHelp,
  FileText,
  Globe,
  ListTodo,
  LoaderCircle,
  type LucideIcon,
  Map as MapIcon,
  Pencil,
  Search,
  SquareTerminal,
  Wrench,
} from 'lucide-react';
import { memo, type ReactNode } from 'react';
import type { Agent, Item, ToolItem, ToolState } from '../../shared/conversation-items';
import { cx } from '../ui/cx';
import { Elapsed, findAgent, useDriver } from './driver-context';
import { useFold } from './folds';
import { Markdown } from './markdown';
import { askedOf, EditBody, ErrorText, FileBody, JsonBody, ShellBody } from './tool-bodies';
import { changedLines, type Face, faceOf, fields, patchOf, plannedPatch, str } from './tool-parts';

const icons: Record<Face['kind'], LucideIcon> = {
  shell: SquareTerminal,
  edit: Pencil,
  read: FileText,
  agent: Bot,
  todo: ListTodo,
  question: CircleHelp,
  web: Globe,
  search: Search,
  plan: MapIcon,
  other: Wrench,
};

const states: Record<ToolState, { icon: LucideIcon; text: string; tone: string }> = {
  running: { icon: LoaderCircle, text: 'running', tone: 'text-accent' },
  done: { icon: CircleCheck, text: 'done', tone: 'text-good' },
  failed: { icon: CircleAlert, text: 'failed', tone: 'text-bad' },
  interrupted: { icon: Ban, text: 'interrupted', tone: 'text-warn' },
  lost: { icon: Ban, text: 'no result', tone: 'text-ink-faint' },
};

export function shortTime(ms: number): string {
  return ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 60_000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.round(ms / 60_000)} min`;
}

export function ToolStateMark({ item }: { item: ToolItem }) {
  const { icon: Icon, text, tone } = states[item.state];
  return (
    <span className={cx('inline-flex shrink-0 items-center gap-1 text-2xs', tone)}>
      <span className="sr-only">{text}</span>
      {item.state === 'running' ? (
        <Elapsed since={item.ts} />
      ) : (
        item.durationMs !== null && (
          <span className="tabular text-ink-faint">{shortTime(item.durationMs)}</span>
        )
      )}
      {item.state === 'interrupted' || item.state === 'lost' ? <span aria-hidden>{text}</span> : null}
      <Icon className={cx('size-3.5', item.state === 'running' && 'animate-spin')} aria-hidden />
    </span>
  );
}

/** What is open before anybody touched it: what changed something, and what went wrong. */
function opensByItself(item: ToolItem, face: Face): boolean {
  if (item.state === 'failed') return true;
  return face.kind === 'edit' || face.kind === 'shell' || face.kind === 'plan';
}

export function ToolCard({
  item,
  version,
  nested,
}: {
  item: ToolItem;
  /** Of the item: what memo looks at, as the item itself stays the same object. */
  version: number;
  nested(items: readonly Item[]): ReactNode;
}) {
  const { source, workdir } = useDriver();
  const face = faceOf(item.tool, item.input, workdir);
  const [open, toggle] = useFold(item.id, opensByItself(item, face));
  const agent = item.runs === null ? undefined : findAgent(source, item.runs);
  const Icon = icons[face.kind];
  const body = `${item.id}-body`;
  return (
    <article
      aria-label={`${face.title}: ${face.detail}`}
      data-tool={item.tool}
      data-state={item.state}
      data-version={version}
      className={cx(
        'overflow-hidden rounded-lg border bg-surface',
        item.state === 'failed' && 'border-bad/40',
      )}
    >
      <button
        type="button"
        onClick={toggle}
        aria-expanded={open}
        aria-controls={open ? body : undefined}
        className="flex min-h-8 w-full items-center gap-2 px-2.5 py-1 text-left hover:bg-sunken focus-visible:-outline-offset-2"
      >
        <ChevronRight
          className={cx('size-3.5 shrink-0 text-ink-faint transition-transform', open && 'rotate-90')}
          aria-hidden
        />
        <Icon className="size-3.5 shrink-0 text-ink-soft" aria-hidden />
        <span className="shrink-0 font-medium text-sm">{face.title}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-ink-soft text-xs" title={face.detail}>
          {face.detail}
        </span>
        {face.kind === 'edit' && <ChangeCount item={item} />}
        {agent && <span className="shrink-0 text-2xs text-ink-faint">{stepsOf(agent)}</span>}
        <ToolStateMark item={item} />
      </button>
      {open && (
        <div id={body} className="border-t">
          <Body item={item} face={face} agent={agent} nested={nested} />
          {item.truncated && (
            <p className="border-t px-3 py-1 text-2xs text-ink-faint">
              Cut: more was written than is recorded.
            </p>
          )}
        </div>
      )}
    </article>
  );
}

function stepsOf(agent: Agent): string {
  const steps = agent.items.filter((it) => it.type === 'tool').length;
  return `${steps} ${steps === 1 ? 'step' : 'steps'}`;
}

const ChangeCount = memo(function ChangeCount({ item }: { item: ToolItem }) {
  const hunks = patchOf(item.result) ?? plannedPatch(item.input);
  if (!hunks || item.state === 'failed') return null;
  const { added, removed } = changedLines(hunks);
  return (
    <span className="tabular shrink-0 text-2xs" aria-hidden>
      <span className="text-good">+{added}</span> <span className="text-bad">−{removed}</span>
    </span>
  );
});

function Body({
  item,
  face,
  agent,
  nested,
}: {
  item: ToolItem;
  face: Face;
  agent: Agent | undefined;
  nested(items: readonly Item[]): ReactNode;
}) {
  switch (face.kind) {
    case 'shell':
      return item.tool === 'Bash' ? <ShellBody item={item} /> : <JsonBody item={item} />;
    case 'edit':
      return <EditBody item={item} path={face.detail} />;
    case 'read':
      return item.state === 'running' ? <JsonBody item={item} /> : <FileBody item={item} />;
    case 'plan':
      return (
        <div className="px-3 py-2">
          <Markdown text={str(fields(item.input).plan) || item.output} />
        </div>
      );
    case 'agent':
      return (
        <div className="grid gap-2 px-3 py-2">
          <details className="text-ink-soft text-sm">
            <summary className="text-ink-faint text-xs">Asked</summary>
            <Markdown text={askedOf(item)} />
          </details>
          {agent && agent.items.length > 0 && (
            <div className="grid gap-2 border-l-2 pl-2.5">{nested(agent.items)}</div>
          )}
          {item.state === 'failed' ? (
            <ErrorText text={item.output} />
          ) : (
            // A background agent's result says only that it was started; what it said stands above.
            item.output !== '' && !agent?.items.length && <Markdown text={item.output} />
          )}
        </div>
      );
    default:
      return <JsonBody item={item} />;
  }
}
