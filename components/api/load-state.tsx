'use client';

import { ArrowLeft, CircleAlert, RotateCw } from 'lucide-react';
import Link from 'next/link';
import { Button } from '../ui/button';
import { EmptyState } from '../ui/panel';
import { failureOf } from './failure';

/** A query that failed: what happened, what to do, and a way to try again. */
export function LoadError({ error, retry, busy }: { error: unknown; retry(): void; busy?: boolean }) {
  const failure = failureOf(error);
  return (
    <div role="alert">
      <EmptyState
        icon={CircleAlert}
        tone="bad"
        title={failure.title}
        action={
          failure.code === 'not_found' ? (
            <Button asChild>
              <Link href="/">
                <ArrowLeft aria-hidden /> Your sandboxes
              </Link>
            </Button>
          ) : (
            <Button onClick={retry} busy={busy}>
              <RotateCw /> Try again
            </Button>
          )
        }
      >
        <p>{failure.next}</p>
        {failure.requestId && <p className="mt-2 text-ink-faint text-xs">Request {failure.requestId}</p>}
      </EmptyState>
    </div>
  );
}
