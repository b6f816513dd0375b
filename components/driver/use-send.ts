'use client';

import { useCallback, useState } from 'react';
import { toast } from 'sonner';
import { randomId } from '../api/random-id';
import { useDriver } from './driver-context';
import { failureOf, type SlashCommand, sessionCalls } from './session-calls';

/** A prompt that was written before Claude was there waits so long for it, in ms. */
const STARTING_MAX_MS = 60_000;

export interface Sent {
  id: string;
  text: string;
  /** Others that are before it, when it was taken; null while it is on its way. */
  position: number | null;
}

/** A slash command of Claude Code's, when the text is one: anything else reaches the model as it stands. */
export function commandIn(text: string, known: readonly Pick<SlashCommand, 'name'>[]): string | null {
  const line = text.trim();
  const name = /^\/([A-Za-z][\w:-]*)(\s[^\n]*)?$/.exec(line)?.[1];
  return name !== undefined && known.some((it) => it.name === name) ? line : null;
}

/** Sends prompts, and tells which of them Claude has not taken yet. */
export function useSend(options: { commands: readonly SlashCommand[]; onRefused(text: string): void }) {
  const { session, source } = useDriver();
  const [sent, setSent] = useState<Sent[]>([]);
  const { commands, onRefused } = options;
  const waiting = sent.filter((it) => !source.conversation.delivered.has(it.id));
  const send = useCallback(
    async (text: string) => {
      const id = randomId();
      const command = commandIn(text, commands);
      setSent((all) => [...all.slice(-50), { id, text, position: null }]);
      try {
        if (source.state.kind === 'starting') await source.ready(AbortSignal.timeout(STARTING_MAX_MS));
        const { position } =
          command === null
            ? await sessionCalls.prompt(session, { text, id })
            : await sessionCalls.command(session, { command, id });
        setSent((all) =>
          // A command tells nothing of itself when it was taken.
          command !== null && position === 0
            ? all.filter((it) => it.id !== id)
            : all.map((it) => (it.id === id ? { ...it, position } : it)),
        );
      } catch (thrown) {
        setSent((all) => all.filter((it) => it.id !== id));
        const { title, next } = failureOf(thrown);
        toast.error(title, { description: next });
        onRefused(text);
      }
    },
    [session, source, commands, onRefused],
  );
  return { send, waiting };
}
