'use client';

import { SlidersHorizontal } from 'lucide-react';
import { useState } from 'react';
import type { SessionView } from '../../shared/views';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { HookList } from './hook-list';

/** Opens the hooks of one session, from its inspector. */
export function SessionHooks({ session }: { session: Pick<SessionView, 'id' | 'name' | 'sandboxId'> }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="sm" look="ghost" className="my-auto ml-auto" onClick={() => setOpen(true)}>
        <SlidersHorizontal /> Edit
        <span className="sr-only">hooks of {session.name}</span>
      </Button>
      <Dialog
        open={open}
        onOpenChange={setOpen}
        title={`Hooks of ${session.name}`}
        description="Only of this session; they come after those of the image, the workspace and yours."
        wide
      >
        <div className="-mx-5 -mb-5">
          <HookList
            place={{ level: 'session', sessionId: session.id }}
            sandboxId={session.sandboxId}
            empty="This session has no hooks of its own."
          />
        </div>
      </Dialog>
    </>
  );
}
