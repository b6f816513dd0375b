'use client';

import { Braces, Copy, Download, EllipsisVertical, PanelRight, Search } from 'lucide-react';
import { toast } from 'sonner';
import type { SessionStatus } from '../../shared/frames';
import type { SessionView } from '../../shared/views';
import { Button } from '../ui/button';
import { cx } from '../ui/cx';
import { Menu, MenuItem } from '../ui/menu';
import { Elapsed, useDriver } from './driver-context';
import { download, toMarkdown } from './export';
import type { Figures } from './figures';
import { ContextRing } from './meter';
import { ModelPicker } from './model-picker';
import { dollars, figure } from './numbers';

/** Reading a long record to its beginning, in ms. */
const EXPORT_MAX_MS = 120_000;

const faces: Record<SessionStatus, { words: string; dot: string }> = {
  starting: { words: 'Starting', dot: 'bg-ink-faint animate-pulse' },
  idle: { words: 'Ready', dot: 'bg-good' },
  working: { words: 'Working', dot: 'bg-accent animate-pulse' },
  waiting_for_input: { words: 'Waits for you', dot: 'bg-warn' },
  stopped: { words: 'Ended', dot: 'bg-ink-faint' },
  failed: { words: 'Failed', dot: 'bg-bad' },
};

export function DriverHead({
  session,
  figures,
  status,
  usable,
  panel,
  onPanel,
  onSearch,
}: {
  session: SessionView;
  figures: Figures;
  status: SessionStatus;
  usable: boolean;
  panel: boolean;
  onPanel(): void;
  onSearch(): void;
}) {
  const { source } = useDriver();
  const { words, dot } = faces[status];
  const running = source.conversation.running;
  const name = source.conversation.title ?? session.name;

  async function all(): Promise<void> {
    const until = Date.now() + EXPORT_MAX_MS;
    while (!source.complete && Date.now() < until) await source.loadEarlier();
  }
  async function markdown(): Promise<string> {
    await all();
    return toMarkdown([...source.earlier, source.conversation], { title: name, workdir: session.workdir });
  }
  async function copy() {
    try {
      await navigator.clipboard.writeText(await markdown());
      toast.success('Copied as Markdown');
    } catch {
      toast.error('The browser refused the clipboard. Save it as a file instead.');
    }
  }
  async function saveFrames() {
    try {
      const frames = await source.readRange(
        1,
        source.conversation.lastSeq,
        AbortSignal.timeout(EXPORT_MAX_MS),
      );
      const lines = frames.map((it) => JSON.stringify(it)).join('\n');
      download(`${name}.jsonl`, 'application/x-ndjson', `${lines}\n`);
    } catch {
      toast.error('The record could not be read.', {
        description: 'The sandbox has to run for that. Try again.',
      });
    }
  }

  return (
    <header className="flex h-9 shrink-0 items-center gap-1.5 border-b bg-surface px-2 text-sm">
      <span className="flex shrink-0 items-center gap-1.5 px-1" data-status={status}>
        <span className={cx('size-2 rounded-full', dot)} aria-hidden />
        <span className="text-xs">{words}</span>
        {status === 'working' && running && (
          <span className="text-2xs text-ink-faint">
            <Elapsed since={running.startedAt} />
          </span>
        )}
      </span>
      <ModelPicker
        session={session}
        figures={figures}
        mode={(usable ? source.conversation.permissionMode : null) ?? session.permissionMode}
        disabled={!usable && session.state !== 'suspended'}
      />
      <span className="flex-1" />
      {figures.context && <ContextRing context={figures.context} />}
      <span className="tabular hidden text-2xs text-ink-faint @xl:inline" title="Tokens that were answered">
        {figures.tokens.output > 0 && `${figure(figures.tokens.output)} out`}
        {figures.cost !== null &&
          figures.cost > 0 &&
          ` · ${figures.estimated ? '≈ ' : ''}${dollars(figures.cost)}`}
      </span>
      <Button look="ghost" size="tiny" aria-label="Search" title="Search (Ctrl F)" onClick={onSearch}>
        <Search />
      </Button>
      <Button
        look="ghost"
        size="tiny"
        aria-label="Tasks, timeline and usage"
        title="Tasks, timeline and usage"
        aria-pressed={panel}
        onClick={onPanel}
        className={cx(panel && 'bg-accent-soft text-accent')}
      >
        <PanelRight />
      </Button>
      <Menu
        trigger={
          <Button look="ghost" size="tiny" aria-label="More">
            <EllipsisVertical />
          </Button>
        }
      >
        <MenuItem icon={Copy} onSelect={() => void copy()}>
          Copy as Markdown
        </MenuItem>
        <MenuItem
          icon={Download}
          onSelect={() => void markdown().then((text) => download(`${name}.md`, 'text/markdown', text))}
        >
          Save as Markdown
        </MenuItem>
        <MenuItem icon={Braces} onSelect={() => void saveFrames()} disabled={!usable}>
          Save the record (.jsonl)
        </MenuItem>
      </Menu>
    </header>
  );
}
