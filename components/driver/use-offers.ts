'use client';

import { useQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { type CaretWord, fitting } from './caret-word';
import { type SlashCommand, sessionCalls } from './session-calls';

/** Offers in the list at one time. */
const OFFERS_MAX = 12;
const COMMANDS_STALE_MS = 30_000;
const FILES_STALE_MS = 5_000;

export interface Offer {
  id: string;
  /** What goes into the text. */
  insert: string;
  hint: string;
}

export function useCommands(session: string, wanted: boolean): SlashCommand[] {
  const { data } = useQuery({
    queryKey: ['session-commands', session],
    queryFn: ({ signal }) => sessionCalls.commands(session, signal),
    enabled: wanted,
    staleTime: COMMANDS_STALE_MS,
    retry: false,
  });
  return data ?? [];
}

/** What may be put in the place of the word at the caret. */
export function useOffers(
  session: string,
  word: CaretWord | null,
  commands: readonly SlashCommand[],
): Offer[] {
  const query = useDeferredValue(word?.kind === 'file' ? word.query : null);
  const files = useQuery({
    queryKey: ['session-files', session, query],
    queryFn: ({ signal }) => sessionCalls.files(session, query ?? '', signal),
    enabled: query !== null,
    staleTime: FILES_STALE_MS,
    placeholderData: (before) => before,
    retry: false,
  });
  if (!word) return [];
  if (word.kind === 'command')
    return fitting(commands, word.query)
      .slice(0, OFFERS_MAX)
      .map((it) => ({ id: it.name, insert: `/${it.name}`, hint: it.description }));
  return (files.data ?? []).slice(0, OFFERS_MAX).map((it) => ({ id: it, insert: `@${it}`, hint: '' }));
}
