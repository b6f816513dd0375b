'use client';

import { CalendarClock } from 'lucide-react';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';

/** From here on the end is near enough to be told, in ms. */
const WARN_MS = 7 * 86_400_000;

export function ExpiryBanner({ expiresAt }: { expiresAt: string }) {
  const now = useNow(60_000);
  if (now === null || Date.parse(expiresAt) - now > WARN_MS) return null;
  return (
    <div
      role="status"
      className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-1.5 text-sm text-warn"
    >
      <CalendarClock className="size-4 shrink-0" aria-hidden />
      <p>
        Your account ends {relative(expiresAt, now)} ({moment(expiresAt)}). Ask an administrator to extend it,
        or save your work.
      </p>
    </div>
  );
}
