'use client';

import { useInfiniteQuery } from '@tanstack/react-query';
import { ScrollText } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { LoadError } from '../api/load-state';
import { useTRPC, useTRPCClient } from '../api/trpc';
import { Button } from '../ui/button';
import { Input } from '../ui/field';
import { Cell, EmptyState, Panel, Skeleton, Table } from '../ui/panel';
import { moment } from '../ui/time';

const PAGE = 50;

export function AuditLog() {
  const trpc = useTRPC();
  const [type, setType] = useState('');
  const wanted = useDeferredValue(type.trim());
  const client = useTRPCClient();
  const input = { limit: PAGE, ...(wanted ? { type: wanted } : {}) };
  // The server pages by time and id (`before`), not by a cursor of tRPC's, so the query is written out.
  const log = useInfiniteQuery({
    queryKey: [...trpc.admin.audit.pathKey(), { input, type: 'infinite' }],
    queryFn: ({ pageParam, signal }) => client.admin.audit.query({ ...input, ...pageParam }, { signal }),
    initialPageParam: null as { before: string; beforeId: string } | null, // null: from now; a literal would narrow the type to null
    getNextPageParam: (page) => {
      const last = page.at(-1);
      return last && page.length === PAGE ? { before: last.at, beforeId: last.id } : null;
    },
  });
  const rows = log.data?.pages.flat() ?? [];
  return (
    <div className="grid gap-4">
      <Input
        type="search"
        aria-label="Type of event"
        placeholder="Type, such as auth.success"
        className="w-64 font-mono text-sm max-sm:w-full"
        value={type}
        onChange={(event) => setType(event.target.value)}
      />
      {log.isError && !log.data ? (
        <LoadError error={log.error} retry={() => void log.refetch()} />
      ) : log.isPending ? (
        <Skeleton className="h-72" />
      ) : rows.length === 0 ? (
        <EmptyState icon={ScrollText} title="Nothing recorded">
          {wanted ? `No event of type “${wanted}”.` : 'Log-ins and changes appear here.'}
        </EmptyState>
      ) : (
        <Panel flush>
          <Table label="Audit log" head={['When', 'Type', 'Who', 'What', 'From']}>
            {rows.map((it) => (
              <tr key={it.id}>
                <Cell className="tabular whitespace-nowrap text-ink-soft">{moment(it.at)}</Cell>
                <Cell className="whitespace-nowrap font-mono text-xs">{it.type}</Cell>
                <Cell className="max-w-40 truncate font-medium">{it.actor}</Cell>
                <Cell className="min-w-64 break-words">
                  {it.message}
                  {it.target && <span className="text-ink-faint"> ({it.target})</span>}
                </Cell>
                <Cell className="whitespace-nowrap text-ink-faint">{it.address ?? ''}</Cell>
              </tr>
            ))}
          </Table>
        </Panel>
      )}
      {log.hasNextPage && (
        <Button
          className="justify-self-center"
          busy={log.isFetchingNextPage}
          onClick={() => void log.fetchNextPage()}
        >
          Show older
        </Button>
      )}
    </div>
  );
}
