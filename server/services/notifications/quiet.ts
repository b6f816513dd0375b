import type { NotificationPreferences } from '../../../shared/notifications';

const minutes = (clock: string): number => {
  const [hours = 0, rest = 0] = clock.split(':').map(Number);
  return hours * 60 + rest;
};

/** Whether nothing is to be pushed now. `from` later than `to` goes over midnight; equal ones are the whole day. */
export function isQuiet(
  quiet: NotificationPreferences['quietHours'],
  { at, timezone }: { at: Date; timezone: string },
): boolean {
  if (!quiet.enabled) return false;
  const now = minutes(clockIn(at, timezone));
  const [from, to] = [minutes(quiet.from), minutes(quiet.to)];
  return from < to ? now >= from && now < to : now >= from || now < to;
}

/** `HH:MM` there; a zone that this machine does not know counts as UTC. */
function clockIn(at: Date, timezone: string): string {
  const parts = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  try {
    return new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: timezone }).format(at);
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...parts, timeZone: 'UTC' }).format(at);
  }
}
