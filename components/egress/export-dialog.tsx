'use client';

import { useMutation } from '@tanstack/react-query';
import { Download, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import type { EgressView } from '../../shared/egress-views';
import { failureOf } from '../api/failure';
import { useTRPC } from '../api/trpc';
import { Note } from '../ui/banner';
import { Button } from '../ui/button';
import { CopyButton } from '../ui/copy-button';
import { Dialog, DialogActions } from '../ui/dialog';

type Format = 'link' | 'wireguard' | 'sing-box';
const formats: Record<Format, { title: string; file: string }> = {
  link: { title: 'Share link', file: 'txt' },
  wireguard: { title: '.conf', file: 'conf' },
  'sing-box': { title: 'sing-box JSON', file: 'json' },
};

function save(text: string, name: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Shows the secrets of a way out, only after somebody asked for them: the server writes it to the audit log. */
export function ExportDialog({ egress, close }: { egress: EgressView; close(): void }) {
  const trpc = useTRPC();
  const [format, setFormat] = useState<Format | null>(null);
  const fetched = useMutation(trpc.egress.export.mutationOptions({ meta: { quiet: true }, gcTime: 0 }));
  const failure = fetched.error ? failureOf(fetched.error) : null;
  const offered: Format[] = egress.kind === 'wireguard' ? ['wireguard', 'sing-box'] : ['link', 'sing-box'];
  return (
    <Dialog open onOpenChange={close} wide title={`Export ${egress.label}`}>
      <div className="grid gap-4">
        <Note tone="warn" icon={TriangleAlert}>
          <strong>The text holds the password or key.</strong> Who has it can use this way out. The export is
          written to the audit log.
        </Note>
        <fieldset className="flex flex-wrap gap-2">
          <legend className="mb-1.5 font-medium text-sm">Show as</legend>
          {offered.map((it) => (
            <Button
              key={it}
              look={format === it ? 'primary' : 'secondary'}
              aria-pressed={format === it}
              busy={fetched.isPending && format === it}
              onClick={() => {
                setFormat(it);
                fetched.mutate({ id: egress.id, format: it });
              }}
            >
              {formats[it].title}
            </Button>
          ))}
        </fieldset>
        {failure && (
          <Note tone="bad">
            <strong>{failure.title}</strong> {failure.next}
          </Note>
        )}
        {fetched.data && format && (
          <>
            <pre
              // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
              tabIndex={0}
              className="max-h-64 select-all overflow-auto whitespace-pre-wrap break-all rounded-md border bg-sunken p-3 text-xs"
            >
              {fetched.data.text}
            </pre>
            <div className="flex flex-wrap gap-2">
              <CopyButton text={fetched.data.text} label="Copy the export" />
              <Button
                onClick={() =>
                  save(fetched.data.text, `${egress.label.replace(/\W+/g, '-')}.${formats[format].file}`)
                }
              >
                <Download /> Save as a file
              </Button>
            </div>
          </>
        )}
        <DialogActions>
          <Button onClick={close}>Close</Button>
        </DialogActions>
      </div>
    </Dialog>
  );
}
