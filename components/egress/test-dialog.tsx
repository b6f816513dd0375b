'use client';

import { RotateCw } from 'lucide-react';
import { useEffect } from 'react';
import type { EgressView } from '../../shared/egress-views';
import { Button } from '../ui/button';
import { Dialog, DialogActions } from '../ui/dialog';
import { ProofRunView } from './proof-run';
import { useProofRun } from './use-proof-run';

/** Tests a saved way out and shows each stage; closing it gives the test up. */
export function TestDialog({ egress, close }: { egress: EgressView; close(): void }) {
  const { run, start, cancel } = useProofRun();
  const path = `/api/egresses/${egress.id}/test`;
  useEffect(() => {
    void start(path);
  }, [start, path]);
  const running = run.state === 'running';
  return (
    <Dialog
      open
      onOpenChange={close}
      title={`Test of ${egress.label}`}
      description="Taken from a throw-away sandbox: nobody's traffic is touched."
    >
      <ProofRunView run={run} kind="test" />
      <DialogActions>
        {running ? (
          <Button onClick={cancel}>Stop</Button>
        ) : (
          <Button onClick={() => void start(path)}>
            <RotateCw /> Test again
          </Button>
        )}
        <Button look={running ? 'secondary' : 'primary'} onClick={close}>
          Close
        </Button>
      </DialogActions>
    </Dialog>
  );
}
