'use client';

import type { ReactNode } from 'react';
import { cx } from '../ui/cx';

/** A list and what is chosen in it: beside each other where there is room, else below each other. */
export function SplitView({ list, detail }: { list: ReactNode; detail: ReactNode | null }) {
  return (
    <div className="@container min-h-0 flex-1">
      <div className="flex h-full min-h-0 @4xl:flex-row flex-col">
        <div
          className={cx(
            'flex min-h-0 min-w-0 flex-col',
            detail ? '@4xl:h-full h-1/2 @4xl:w-1/2' : 'h-full w-full',
          )}
        >
          {list}
        </div>
        {detail && (
          <div className="min-h-0 min-w-0 flex-1 @4xl:border-t-0 border-t @4xl:border-l bg-surface">
            {detail}
          </div>
        )}
      </div>
    </div>
  );
}
