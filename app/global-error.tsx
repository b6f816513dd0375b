'use client';

import './globals.css';
import { ErrorPage } from '@/components/shell/error-page';

export default function GlobalError({ error, reset }: { error: Error & { digest?: string }; reset(): void }) {
  return (
    <html lang="en">
      <body>
        <main>
          <ErrorPage
            code={error.digest ?? '500'}
            title="The app could not start."
            next="Reload the page. Your sandboxes are not touched by this."
            retry={reset}
          />
        </main>
      </body>
    </html>
  );
}
