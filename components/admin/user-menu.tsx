'use client';

import { useMutation, useQueryClient } from '@tanstack/react-query';
import {
  CalendarClock,
  EllipsisVertical,
  KeyRound,
  ShieldCheck,
  ShieldOff,
  Trash2,
  UserCheck,
  UserX,
} from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { toast } from 'sonner';
import type { UserView } from '../../shared/views';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input } from '../ui/field';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { dateField, endOfDay } from './expiry-date';
import type { Made } from './made';

type Asking = 'disable' | 'reset' | 'remove' | 'expiry';

/** Everything an administrator may do to one user; what cuts them off asks first. */
export function UserMenu({
  user,
  self,
  onPassword,
}: {
  user: UserView;
  self: boolean;
  onPassword(made: Made): void;
}) {
  const trpc = useTRPC();
  const queries = useQueryClient();
  const [asking, setAsking] = useState<Asking | null>(null);
  const refresh = () => queries.invalidateQueries({ queryKey: trpc.users.list.queryKey() });
  const done = (text: string) => ({
    onSuccess: () => {
      setAsking(null);
      toast.success(text);
    },
    onSettled: refresh,
  });
  const setStatus = useMutation(trpc.users.setStatus.mutationOptions(done(`${user.username} is changed.`)));
  const setRole = useMutation(trpc.users.setRole.mutationOptions(done(`${user.username} has a new role.`)));
  const setExpiry = useMutation(
    trpc.users.setExpiry.mutationOptions(done(`The end of ${user.username} is set.`)),
  );
  const remove = useMutation(trpc.users.remove.mutationOptions(done(`${user.username} is removed.`)));
  const reset = useMutation(
    trpc.users.resetPassword.mutationOptions({
      onSuccess: ({ password }) => {
        setAsking(null);
        onPassword({ username: user.username, password });
      },
      onSettled: refresh,
    }),
  );
  const { id, username } = user;
  const close = () => setAsking(null);
  function submitExpiry(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const date = String(new FormData(event.currentTarget).get('expires') ?? '');
    setExpiry.mutate({ id, expiresAt: endOfDay(date) });
  }
  return (
    <>
      <Menu
        trigger={
          <Button look="ghost" size="icon" aria-label={`Actions for ${username}`}>
            <EllipsisVertical />
          </Button>
        }
      >
        <MenuItem
          icon={user.role === 'admin' ? ShieldOff : ShieldCheck}
          onSelect={() => setRole.mutate({ id, role: user.role === 'admin' ? 'user' : 'admin' })}
        >
          {user.role === 'admin' ? 'Make a plain user' : 'Make an administrator'}
        </MenuItem>
        <MenuItem icon={KeyRound} onSelect={() => setAsking('reset')}>
          Reset password…
        </MenuItem>
        <MenuItem icon={CalendarClock} onSelect={() => setAsking('expiry')}>
          Set the end date…
        </MenuItem>
        <MenuLine />
        {user.status === 'active' ? (
          <MenuItem icon={UserX} danger disabled={self} onSelect={() => setAsking('disable')}>
            Disable…
          </MenuItem>
        ) : (
          <MenuItem icon={UserCheck} onSelect={() => setStatus.mutate({ id, status: 'active' })}>
            Enable
          </MenuItem>
        )}
        <MenuItem icon={Trash2} danger disabled={self} onSelect={() => setAsking('remove')}>
          Remove…
        </MenuItem>
      </Menu>
      <Confirm
        open={asking === 'disable'}
        onOpenChange={close}
        title={`Disable ${username}?`}
        description="Their browsers are signed out and their terminals closed. Sandboxes stay and can be enabled again with them."
        action="Disable"
        busy={setStatus.isPending}
        onConfirm={() => setStatus.mutate({ id, status: 'disabled' })}
      />
      <Confirm
        open={asking === 'reset'}
        onOpenChange={close}
        title={`Reset the password of ${username}?`}
        description="The old one stops working at once and their browsers are signed out. The new one is shown once."
        action="Reset password"
        busy={reset.isPending}
        onConfirm={() => reset.mutate({ id })}
      />
      <Confirm
        open={asking === 'remove'}
        onOpenChange={close}
        title={`Remove ${username}?`}
        description={
          user.sandboxes > 0
            ? `They still own ${user.sandboxes} sandboxes: delete those first.`
            : 'The account and its personal workspace are removed. The audit log keeps the name.'
        }
        action="Remove"
        phrase={username}
        busy={remove.isPending}
        onConfirm={() => remove.mutate({ id })}
      />
      <Dialog open={asking === 'expiry'} onOpenChange={close} title={`End date of ${username}`}>
        <form onSubmit={submitExpiry}>
          <Field label="Account ends" hint="Empty: never. It ends with that day; they are warned ahead.">
            {(control) => (
              <Input {...control} name="expires" type="date" defaultValue={dateField(user.expiresAt)} />
            )}
          </Field>
          <DialogActions>
            <Button onClick={close}>Cancel</Button>
            <Button type="submit" look="primary" busy={setExpiry.isPending}>
              Save
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </>
  );
}
