'use client';

import { useQuery } from '@tanstack/react-query';
import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import type { UserView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useMe } from '../api/me';
import { useTRPC } from '../api/trpc';
import { Badge, Note } from '../ui/banner';
import { Button } from '../ui/button';
import { ShownOnce } from '../ui/copy-button';
import { Dialog, DialogActions } from '../ui/dialog';
import { Input } from '../ui/field';
import { Cell, Panel, Skeleton, Table } from '../ui/panel';
import { moment, relative } from '../ui/time';
import { useNow } from '../ui/use-now';
import { CreateUser } from './create-user';
import type { Made } from './made';
import { UserMenu } from './user-menu';

const statusTone = { active: 'good', disabled: 'calm', expired: 'warn' } as const;

export function Users() {
  const trpc = useTRPC();
  const me = useMe();
  const now = useNow(30_000);
  const list = useQuery(trpc.users.list.queryOptions());
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const [text, setText] = useState('');
  if (list.isError && !list.data) return <LoadError error={list.error} retry={() => void list.refetch()} />;
  const shown = (list.data ?? []).filter((it) => it.username.includes(text.trim().toLowerCase()));
  return (
    <div className="grid gap-4">
      <div className="flex flex-wrap justify-between gap-2">
        <Input
          type="search"
          aria-label="Filter by name"
          placeholder="Filter by name"
          className="w-56 max-sm:w-full"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button look="primary" onClick={() => setCreating(true)} className="max-sm:w-full">
          <UserPlus /> New user
        </Button>
      </div>
      {list.isPending ? (
        <Skeleton className="h-64" />
      ) : (
        <Panel flush>
          <Table label="Users" head={['User', 'Role', 'Status', 'Ends', 'Sandboxes', 'Last seen', '']}>
            {shown.map((user: UserView) => (
              <tr key={user.id}>
                <Cell className="max-w-56 truncate font-medium">
                  {user.username}
                  {user.id === me.data?.id && <span className="ml-2 text-ink-faint text-xs">you</span>}
                </Cell>
                <Cell>{user.role === 'admin' ? <Badge tone="accent">admin</Badge> : 'user'}</Cell>
                <Cell>
                  <Badge tone={statusTone[user.status]}>{user.status}</Badge>
                </Cell>
                <Cell className="whitespace-nowrap text-ink-soft">
                  {user.expiresAt ? moment(user.expiresAt) : 'never'}
                </Cell>
                <Cell className="tabular">{user.sandboxes}</Cell>
                <Cell className="whitespace-nowrap text-ink-soft">
                  {user.lastSeenAt && now !== null ? relative(user.lastSeenAt, now) : 'never'}
                </Cell>
                <Cell className="text-right">
                  <UserMenu user={user} self={user.id === me.data?.id} onPassword={setMade} />
                </Cell>
              </tr>
            ))}
          </Table>
          {shown.length === 0 && <p className="py-8 text-center text-ink-faint">Nobody of that name.</p>}
        </Panel>
      )}
      <Dialog
        open={creating}
        onOpenChange={setCreating}
        title="New user"
        description="They get a workspace of their own and choose a new password when they first sign in."
      >
        <CreateUser
          close={() => setCreating(false)}
          onMade={(it) => {
            setCreating(false);
            setMade(it);
          }}
        />
      </Dialog>
      <Dialog
        open={made !== null}
        onOpenChange={() => setMade(null)}
        title={`Password of ${made?.username ?? ''}`}
      >
        <div className="grid gap-4">
          <Note tone="warn">
            <strong>Copy it now</strong> and hand it over on a safe way. It cannot be shown again.
          </Note>
          <ShownOnce value={made?.password ?? ''} label="Copy the password" />
          <DialogActions>
            <Button look="primary" onClick={() => setMade(null)}>
              Done
            </Button>
          </DialogActions>
        </div>
      </Dialog>
    </div>
  );
}
