'use client';

import { useCallback, useState } from 'react';
import { toast } from 'sonner';
import { useDriver } from './driver-context';
import { type Decision, failureOf, sessionCalls } from './session-calls';

/** Sends an answer. The card stays until the record says that the request is closed, whoever closed it. */
export function useAnswer(requestId: string) {
  const { session } = useDriver();
  const [sending, setSending] = useState<string | null>(null);
  const send = useCallback(
    async (what: string, decision: Decision) => {
      setSending(what);
      try {
        const { accepted } = await sessionCalls.answer(session, { requestId, decision });
        if (!accepted) toast.info('This was answered already, here or in the terminal.');
      } catch (thrown) {
        const { title, next } = failureOf(thrown);
        toast.error(title, { description: next });
      } finally {
        setSending(null);
      }
    },
    [session, requestId],
  );
  return { sending, send };
}
