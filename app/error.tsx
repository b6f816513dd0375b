'use client';

import type { ComponentProps } from 'react';
import { BrokenPage } from '@/components/shell/broken-page';

/** For what stands outside the app's frame: the sign-in page, and the frame itself. */
export default function RootErrorPage(props: ComponentProps<typeof BrokenPage>) {
  return (
    <main>
      <BrokenPage {...props} />
    </main>
  );
}
