'use client';

import { ErrorPage } from './error-page';

/** What Next shows in place of a page that threw. */
export function BrokenPage({ error, reset }: { error: Error & { digest?: string }; reset(): void }) {
  return (
    <ErrorPage
      code={error.digest ?? '500'}
      title="This page broke."
      next="Try again. Your sandboxes and everything that runs in them are not touched by this."
      retry={reset}
    />
  );
}
