'use client';

import { useCallback } from 'react';
import { toast } from 'sonner';
import type { Preferences } from '../../shared/views';
import { useSetPreferences } from '../api/me';

/** Shown of a text before it is put on the clipboard, in characters. */
const PREVIEW_CHARS = 80;

async function write(text: string) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    toast.error('The browser refused the clipboard.', { description: 'Click into the page and try again.' });
  }
}

/** What a program in the sandbox may do to this person's clipboard: as the preference says, else they are asked. */
export function useClipboardConsent(consent: Preferences['clipboardWrite']) {
  const { mutate } = useSetPreferences();
  return useCallback(
    (text: string) => {
      if (consent === 'deny' || text === '') return;
      if (consent === 'allow') {
        void write(text);
        return;
      }
      toast('A program wants to copy to your clipboard', {
        id: 'clipboard-consent',
        description: text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS)}…` : text,
        duration: 15_000,
        action: { label: 'Copy', onClick: () => void write(text) },
        cancel: {
          label: 'Always allow',
          onClick: () => {
            mutate({ clipboardWrite: 'allow' });
            void write(text);
          },
        },
      });
    },
    [consent, mutate],
  );
}
