'use client';

import './driver.css';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { SessionView } from '../../shared/views';
import { useRevealed } from '../terminal/session-views';
import { Sheet } from '../ui/dialog';
import { Announcer } from './announcer';
import { DriverProvider, type DriverScope } from './driver-context';
import { DriverHead } from './driver-head';
import { figuresOf } from './figures';
import { FoldsProvider } from './folds';
import { PermissionCard } from './permission-card';
import { PromptBox } from './prompt-box';
import { QuestionCard } from './question-card';
import { rowsOf } from './rows';
import { SearchBox } from './search-box';
import { SidePanel } from './side-panel';
import { EmptyTranscript, History, LoadingTranscript, SourceStrip } from './states';
import { Transcript, type TranscriptHandle } from './transcript';
import { useFrames } from './use-frames';
import { useTurnJump } from './use-turn-jump';
import { useWide } from './use-wide';

/** The structured view of a live Claude Code session. */
export function DriverView({ session }: { session: SessionView }) {
  return <Driver key={session.id} session={session} />;
}

function refusalOf(session: SessionView, stopped: boolean): string | null {
  if (session.state === 'ended') return 'This session has ended.';
  if (stopped || session.state === 'suspended') return 'Start the sandbox to go on.';
  return null;
}

function Driver({ session }: { session: SessionView }) {
  const source = useFrames(session);
  const { conversation, earlier, state, version } = source;
  const scope = useMemo<DriverScope>(
    () => ({ session: session.id, workdir: session.workdir, source }),
    [session.id, session.workdir, source],
  );
  const root = useRef<HTMLElement>(null);
  const transcript = useRef<TranscriptHandle>(null);
  const focusPrompt = useRef<(() => void) | null>(null);
  const wide = useWide(root);
  const [panelChosen, setPanel] = useState<boolean | null>(null);
  const [searching, setSearching] = useState(false);
  const [highlighted, setHighlighted] = useState<string | null>(null);

  const { structure } = conversation;
  // Whether a text is shown changes with its words; all else with the structure.
  const blank = conversation.items.at(-1)?.type === 'thinking' ? version : 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: items change in place, and these numbers tell so
  const rows = useMemo(
    () => rowsOf([...earlier, conversation]),
    [conversation, structure, earlier.length, blank],
  );
  const figures = figuresOf(conversation, session, source.complete);
  const refusal = refusalOf(session, state.kind === 'stopped');
  const status =
    session.state === 'ended'
      ? 'stopped'
      : (conversation.status?.state ?? session.live?.status ?? 'starting');
  const working = status === 'working' || status === 'waiting_for_input';
  const panel = panelChosen ?? (wide && (conversation.todos.length > 0 || conversation.turns.length > 0));

  function jump(itemId: string): void {
    const row = rows.find((it) => it.item.id === itemId);
    if (!row) return;
    setHighlighted(row.key);
    transcript.current?.toRow(row.key);
  }
  const toTurn = useTurnJump(source, jump);
  useRevealed(session.id, 'driver', ({ turn }) => toTurn(turn ?? null));
  useEffect(() => {
    if (highlighted === null || searching) return;
    const timer = setTimeout(() => setHighlighted(null), 2_000);
    return () => clearTimeout(timer);
  }, [highlighted, searching]);

  function keyed(event: KeyboardEvent) {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.code === 'KeyF') {
      event.preventDefault();
      setSearching(true);
    }
  }
  const side = (
    <SidePanel
      conversation={conversation}
      figures={figures}
      onJump={(id) => {
        if (!wide) setPanel(false);
        jump(id);
      }}
    />
  );
  const empty = rows.length === 0;

  return (
    <DriverProvider value={scope}>
      <FoldsProvider>
        <section
          ref={root}
          aria-label={`Driver: ${session.name}`}
          data-session={session.id}
          data-state={state.kind}
          onKeyDown={keyed}
          className="@container flex h-full min-h-0 min-w-0 flex-col bg-canvas"
        >
          <DriverHead
            session={session}
            figures={figures}
            status={status}
            usable={refusal === null && state.kind === 'live'}
            panel={panel}
            onPanel={() => setPanel(!panel)}
            onSearch={() => setSearching(true)}
          />
          <SourceStrip state={state} onRetry={source.retry} />
          <div className="flex min-h-0 flex-1">
            <div className="relative flex min-h-0 min-w-0 flex-1 flex-col">
              {searching && (
                <SearchBox
                  rows={rows}
                  version={version}
                  onShow={(key) => {
                    setHighlighted(key);
                    if (key) transcript.current?.toRow(key);
                  }}
                  onClose={() => {
                    setSearching(false);
                    focusPrompt.current?.();
                  }}
                />
              )}
              {state.kind === 'loading' && empty ? (
                <div className="min-h-0 flex-1 overflow-hidden">
                  <LoadingTranscript />
                </div>
              ) : !empty ? (
                <Transcript ref={transcript} rows={rows} version={version} highlighted={highlighted} />
              ) : state.kind === 'stopped' ? (
                <div className="min-h-0 flex-1 overflow-y-auto">
                  <History session={session} />
                </div>
              ) : (
                <div className="min-h-0 flex-1">
                  {(state.kind === 'live' || state.kind === 'starting') && (
                    <EmptyTranscript starting={state.kind === 'starting' || status === 'starting'} />
                  )}
                </div>
              )}
              {conversation.requests.length > 0 && refusal === null && (
                <div className="mx-auto grid w-full max-w-3xl gap-2 px-3 pb-2 @2xl:px-6">
                  {conversation.requests
                    .slice(0, 2)
                    .map((it) =>
                      it.type === 'question' ? (
                        <QuestionCard key={it.id} item={it} />
                      ) : (
                        <PermissionCard key={it.id} item={it} />
                      ),
                    )}
                  {conversation.requests.length > 2 && (
                    <p className="text-ink-faint text-xs">And {conversation.requests.length - 2} more.</p>
                  )}
                </div>
              )}
              <PromptBox
                session={session}
                working={working}
                refusal={refusal}
                focusRef={focusPrompt}
                onSent={() => transcript.current?.toEnd()}
              />
            </div>
            {wide && panel && (
              <aside
                aria-label="Tasks, timeline and usage"
                className="w-64 shrink-0 overflow-y-auto border-l bg-surface"
              >
                {side}
              </aside>
            )}
          </div>
          {!wide && (
            <Sheet open={panelChosen === true} onOpenChange={setPanel} title="Session">
              {side}
            </Sheet>
          )}
          <Announcer conversation={conversation} version={version} live={state.kind === 'live'} />
        </section>
      </FoldsProvider>
    </DriverProvider>
  );
}
