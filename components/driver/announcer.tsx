'use client';

import { useEffect, useRef, useState } from 'react';
import type { Conversation } from '../../shared/conversation';
import type { Item } from '../../shared/conversation-items';

/** More of one answer than this is not read out by itself; it can be read in the conversation. */
const SAID_MAX_CHARS = 300;

function words(item: Item): string | null {
  if (item.type === 'text' && !item.open && !item.discarded)
    return `Claude: ${item.text.slice(0, SAID_MAX_CHARS)}`;
  if (item.type === 'permission' && !item.closed) return `Claude asks whether it may use ${item.tool}`;
  if (item.type === 'question' && !item.closed)
    return `Claude asks: ${item.questions.map((it) => it.question).join(' ')}`;
  if (item.type === 'stop')
    return item.reason === 'completed' ? 'Claude is done' : `Claude stopped: ${item.reason}`;
  if (item.type === 'tool' && item.state === 'failed') return `${item.tool} failed`;
  return null;
}

/** Reads out what is new once it is whole: a text at its end, not word by word, and what waits for an answer. */
export function Announcer({
  conversation,
  version,
  live,
}: {
  conversation: Conversation;
  version: number;
  live: boolean;
}) {
  const [said, setSaid] = useState('');
  /** What stood there when the view opened is history. */
  const told = useRef<Set<string> | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: items change in place, and the version tells so
  useEffect(() => {
    if (!live) return;
    const recent = conversation.items.slice(-20);
    const whole = recent.filter((it) => words(it) !== null);
    if (!told.current) told.current = new Set(whole.map((it) => it.id));
    const news = whole.filter((it) => !told.current?.has(it.id));
    if (news.length === 0) return;
    for (const it of news) told.current.add(it.id);
    setSaid(news.map(words).join('. '));
  }, [conversation, version, live]);
  return (
    <p aria-live="polite" className="sr-only" data-announcer>
      {said}
    </p>
  );
}
