import { useRef } from 'react';
import { useDriver } from './driver-context';
import { taskNote } from './shown';

/** Goes through the prompts of this conversation, newest first; what was being written is kept at the end of them. */
export function usePromptHistory() {
  const { source } = useDriver();
  /** How far back; 0 is the draft. */
  const back = useRef({ steps: 0, draft: '' });

  function at(steps: number): string | null {
    const said = [
      ...new Set(
        source.conversation.items
          .flatMap((it) => (it.type === 'user' && taskNote(it.text) === null ? [it.text] : []))
          .reverse(),
      ),
    ];
    if (steps < 0 || steps > said.length) return null;
    back.current.steps = steps;
    return steps === 0 ? back.current.draft : (said[steps - 1] ?? '');
  }
  return {
    /** The prompt before, or null when there is none. */
    older(text: string): string | null {
      if (back.current.steps === 0) back.current.draft = text;
      return at(back.current.steps + 1);
    },
    newer: (): string | null => (back.current.steps === 0 ? null : at(back.current.steps - 1)),
    /** The text is another one now. */
    leave(): void {
      back.current = { steps: 0, draft: '' };
    },
  };
}
