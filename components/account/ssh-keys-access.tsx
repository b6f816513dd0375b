'use client';

import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import { type SshServer, sshAlias, sshCommand, sshStanza } from '../../shared/ssh-keys';
import type { SandboxView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { CopyButton } from '../ui/copy-button';

/** By which name ssh reaches the gateway: the one it has been given, else the one that this page was opened by. */
const hostOf = (server: SshServer) => server.host ?? window.location.hostname.replace(/^\[|\]$/g, '');

/** The command and the lines for ~/.ssh/config of one sandbox; nothing where the gateway serves no SSH. */
export function SshAccess({ sandbox }: { sandbox: SandboxView }) {
  const trpc = useTRPC();
  const access = useQuery(trpc.sshKeys.get.queryOptions());
  if (!access.data?.server || !sandbox.can.use) return null;
  const { server, keys } = access.data;
  const place = { host: hostOf(server), port: server.port, sandboxId: sandbox.id };
  const alias = sshAlias(sandbox.name);
  return (
    <section className="grid gap-3 border-b px-4 py-4 last:border-0" aria-labelledby="ssh-access">
      <h2 id="ssh-access" className="font-semibold text-sm">
        SSH
      </h2>
      <Text value={sshCommand(place)} label="Copy the ssh command" />
      <p className="text-ink-faint text-xs">
        In <code>~/.ssh/config</code>, for editors, rsync and git; then <code>ssh {alias}</code>
      </p>
      <Text value={sshStanza(place, alias)} label="Copy the lines for ~/.ssh/config" />
      {keys.length === 0 && (
        <p className="text-ink-soft text-sm">
          <Link href="/settings#ssh-keys" className="underline">
            Add your SSH key
          </Link>{' '}
          first.
        </p>
      )}
    </section>
  );
}

function Text({ value, label }: { value: string; label: string }) {
  return (
    <div className="flex items-start gap-2">
      <pre className="min-w-0 flex-1 select-all overflow-x-auto whitespace-pre-wrap break-all rounded-md border bg-sunken px-3 py-2 text-xs">
        {value.trimEnd()}
      </pre>
      <CopyButton text={value} label={label} />
    </div>
  );
}
