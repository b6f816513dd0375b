'use client';

import { createContext, useContext } from 'react';
import type { Conversation } from '../../shared/conversation';
import type { Agent } from '../../shared/conversation-items';
import { duration } from '../ui/time';
import { useNow } from '../ui/use-now';
import type { FrameSource } from './frame-source';

/** What the parts of one driver share. Never changes while the session is the same one. */
export interface DriverScope {
  session: string;
  workdir: string;
  source: FrameSource;
}
const DriverContext = createContext<DriverScope | null>(null);
export const DriverProvider = DriverContext.Provider;

export function useDriver(): DriverScope {
  const scope = useContext(DriverContext);
  if (!scope) throw new Error('a part of the driver stands outside of it');
  return scope;
}

/** A subagent, in whichever stretch of the journal it ran. */
export function findAgent(source: FrameSource, id: string): Agent | undefined {
  const all: readonly Conversation[] = [source.conversation, ...source.earlier];
  return all.map((it) => it.agents.get(id)).find((it) => it !== undefined);
}

/** How long it has run, counted on; `ts` is of the sandbox's clock. */
export function Elapsed({ since, baseMs = 0 }: { since: string; baseMs?: number }) {
  const { source } = useDriver();
  const now = useNow(1000);
  if (now === null) return null;
  return <span className="tabular">{duration(now - source.clockOffset - Date.parse(since) + baseMs)}</span>;
}
