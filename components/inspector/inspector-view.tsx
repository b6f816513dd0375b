'use client';

import { ArrowRightLeft, Hourglass, ListTree, Unplug, Webhook } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { type ReactNode, useState } from 'react';
import type { SessionView } from '../../shared/views';
import type { SourceState } from '../driver/frame-source';
import { SessionHooks } from '../hooks/session-hooks';
import { useReveal, useRevealed } from '../terminal/session-views';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { EmptyState } from '../ui/panel';
import { ExchangesTab } from './exchanges-tab';
import { FramesTab } from './frames-tab';
import { useInspected } from './use-inspected';

const tabs = [
  { id: 'frames', title: 'Frames', icon: ListTree },
  { id: 'api', title: 'API', icon: ArrowRightLeft },
  { id: 'hooks', title: 'Hooks', icon: Webhook },
] as const;
type InspectorTab = (typeof tabs)[number]['id'];

/** What keeps the list from growing, in words. */
function Trouble({ state, retry }: { state: SourceState; retry(): void }) {
  const again = (
    <Button size="sm" onClick={retry}>
      Try again
    </Button>
  );
  if (state.kind === 'reconnecting')
    return (
      <Note tone="warn" icon={Unplug} actions={again}>
        {state.reason} It is tried again by itself.
      </Note>
    );
  if (state.kind === 'failed')
    return (
      <Note tone="bad" icon={Unplug} actions={again}>
        {state.failure.title} {state.failure.next}
      </Note>
    );
  if (state.kind === 'stopped')
    return (
      <Note tone="calm" icon={Hourglass}>
        The sandbox does not run. Its journal is read again when it does.
      </Note>
    );
  return null;
}

const emptyFrames: Record<'loading' | 'none', ReactNode> = {
  loading: (
    <p role="status" className="p-6 text-center text-ink-faint text-sm">
      Reading the journal…
    </p>
  ),
  none: (
    <EmptyState icon={ListTree} title="No frames yet">
      Everything that happens in this session is written down here: text, tools, questions, requests.
    </EmptyState>
  ),
};

/** One session under the glass: its frames, its exchanges with the API, its hooks. */
export function InspectorView({ session }: { session: SessionView }) {
  const inspected = useInspected(session);
  const { source, frames } = inspected;
  const reveal = useReveal(session.id);
  const [tab, setTab] = useState<InspectorTab>('frames');
  const [seq, setSeq] = useState<number | null>(null);
  const [exchange, setExchange] = useState<number | null>(null);
  useRevealed(session.id, 'inspector', (target) => {
    if (target.seq !== undefined) showFrame(target.seq);
    if (target.exchange !== undefined) showExchange(target.exchange);
  });
  function showFrame(wanted: number) {
    setSeq(wanted);
    setTab('frames');
  }
  function showExchange(wanted: number) {
    setExchange(wanted);
    setTab('api');
  }
  const empty = emptyFrames[source.state.kind === 'loading' ? 'loading' : 'none'];
  const trouble = <Trouble state={source.state} retry={source.retry} />;
  return (
    <section
      aria-label={`Inspector: ${session.name}`}
      data-frames={source.state.kind}
      className="h-full min-h-0"
    >
      <Tabs.Root
        value={tab}
        // The values are the ids above.
        onValueChange={(it) => setTab(it as InspectorTab)}
        className="flex h-full min-h-0 flex-col"
      >
        <div className="flex shrink-0 border-b px-2">
          <Tabs.List aria-label="Inspector" className="flex min-w-0 gap-1">
            {tabs.map(({ id, title, icon: Icon }) => (
              <Tabs.Trigger
                key={id}
                value={id}
                className="-mb-px flex h-8 items-center gap-1.5 border-transparent border-b-2 px-2 text-ink-soft text-xs hover:text-ink focus-visible:-outline-offset-2 data-[state=active]:border-accent data-[state=active]:font-medium data-[state=active]:text-ink"
              >
                <Icon className="size-3.5" aria-hidden />
                {title}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
          {tab === 'hooks' && <SessionHooks session={session} />}
        </div>
        {trouble && <div className="shrink-0 empty:hidden">{trouble}</div>}
        <Tabs.Content
          value="frames"
          tabIndex={-1}
          className="flex min-h-0 flex-1 flex-col data-[state=inactive]:hidden"
        >
          <FramesTab
            inspected={inspected}
            only="all"
            selected={seq}
            onSelect={setSeq}
            onExchange={showExchange}
            reveal={reveal}
            empty={empty}
          />
        </Tabs.Content>
        <Tabs.Content
          value="api"
          tabIndex={-1}
          className="flex min-h-0 flex-1 flex-col data-[state=inactive]:hidden"
        >
          <ExchangesTab
            session={session.id}
            frames={frames}
            selected={exchange}
            onSelect={setExchange}
            onFrame={showFrame}
            reveal={reveal}
          />
        </Tabs.Content>
        <Tabs.Content
          value="hooks"
          tabIndex={-1}
          className="flex min-h-0 flex-1 flex-col data-[state=inactive]:hidden"
        >
          <FramesTab
            inspected={inspected}
            only="hooks"
            selected={seq}
            onSelect={setSeq}
            onExchange={showExchange}
            reveal={reveal}
            empty={empty}
          />
        </Tabs.Content>
      </Tabs.Root>
    </section>
  );
}
