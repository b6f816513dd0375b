'use client';

import { Check, CircleAlert, X } from 'lucide-react';
import { baseOf, shownName } from '../../shared/file-names';
import { Button } from '../ui/button';
import { bytes } from '../ui/time';
import type { Upload, UploadQueue } from './upload-queue';

/** Of a folder of thousands: those at work and those that failed come first. */
const SHOWN_MAX = 30;
const order: Record<Upload['state'], number> = { sending: 0, exists: 1, failed: 2, waiting: 3, done: 4 };

export function Uploads({ queue, uploads }: { queue: UploadQueue; uploads: readonly Upload[] }) {
  if (uploads.length === 0) return null;
  const done = uploads.filter((it) => it.state === 'done').length;
  const shown = [...uploads].sort((a, b) => order[a.state] - order[b.state]).slice(0, SHOWN_MAX);
  return (
    <section aria-label="Uploads" className="max-h-48 shrink-0 overflow-y-auto border-t text-xs">
      <div className="sticky top-0 flex items-center justify-between bg-surface px-3 py-1">
        <span role="status">
          {done} of {uploads.length} uploaded
        </span>
        <Button look="ghost" size="sm" onClick={() => queue.clear()}>
          Clear
        </Button>
      </div>
      <ul>
        {shown.map((it) => (
          <li key={it.id} className="flex items-center gap-2 px-3 py-1">
            {it.state === 'done' ? (
              <Check className="size-3.5 shrink-0 text-good" aria-label="Uploaded" />
            ) : it.state === 'failed' || it.state === 'exists' ? (
              <CircleAlert className="size-3.5 shrink-0 text-bad" aria-hidden />
            ) : null}
            <span className="min-w-0 flex-1">
              <span className="block truncate">{shownName(baseOf(it.place.path))}</span>
              {it.state === 'sending' && (
                <progress
                  aria-label={`Uploading ${shownName(baseOf(it.place.path))}`}
                  max={1}
                  value={it.share}
                  className="block h-1 w-full accent-accent"
                />
              )}
              {it.reason && <span className="text-bad">{it.reason}</span>}
            </span>
            <span className="tabular text-ink-faint">{bytes(it.file.size)}</span>
            {it.state === 'exists' && (
              <Button size="sm" onClick={() => queue.replace(it.id)}>
                Replace
              </Button>
            )}
            {it.state !== 'done' && (
              <Button
                look="ghost"
                size="tiny"
                aria-label={`Cancel ${shownName(baseOf(it.place.path))}`}
                title="Cancel"
                onClick={() => queue.cancel(it.id)}
              >
                <X />
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
