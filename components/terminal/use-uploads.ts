'use client';

import { useCallback, useEffect, useRef } from 'react';
import { toast } from 'sonner';
import { bytes } from '../ui/time';
import { shellQuote } from './shell-quote';
import { UploadError, upload } from './upload';

/** Uploads files one after another and types each path into the terminal, as a drop on a desktop terminal does. */
export function useUploads(sandboxId: string, type: (text: string) => void) {
  const ended = useRef<AbortController | null>(null);
  const latest = useRef(type);
  latest.current = type;
  useEffect(() => {
    const controller = new AbortController();
    ended.current = controller;
    return () => controller.abort();
  }, []);

  return useCallback(
    async (files: File[]) => {
      for (const file of files) {
        const controller = new AbortController();
        ended.current?.signal.addEventListener('abort', () => controller.abort(), { once: true });
        const name = file.name || 'picture';
        const id = toast.loading(`Uploading ${name}`, {
          description: bytes(file.size),
          action: { label: 'Cancel', onClick: () => controller.abort() },
        });
        try {
          const path = await upload(sandboxId, file, {
            signal: controller.signal,
            onProgress: (share) =>
              toast.loading(`Uploading ${name}`, {
                id,
                description: `${Math.round(share * 100)} % of ${bytes(file.size)}`,
              }),
          });
          latest.current(`${shellQuote(path)} `);
          toast.success(`Uploaded ${name}`, { id, description: path, action: null });
        } catch (error) {
          const reason = error instanceof UploadError ? error.message : 'Something went wrong.';
          toast.error(`${name} was not uploaded`, { id, description: reason, action: null });
        }
      }
    },
    [sandboxId],
  );
}
