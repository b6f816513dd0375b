import type { DeliveryView } from '../../shared/notifications';

const words: Record<DeliveryView['state'], string> = {
  pending: 'on its way to',
  sent: 'sent to',
  failed: 'could not be sent to',
  gone: 'not sent to',
  held: 'held back from',
};

/** ` · sent to Firefox on Linux`; empty when nothing was pushed. */
export function deliverySummary(deliveries: readonly DeliveryView[]): string {
  const states = [...new Set(deliveries.map((it) => it.state))];
  const parts = states.map((state) => {
    const devices = deliveries.filter((it) => it.state === state);
    const reason = devices.find((it) => it.reason)?.reason;
    return `${words[state]} ${devices.map((it) => it.device).join(', ')}${reason ? ` (${reason})` : ''}`;
  });
  return parts.length === 0 ? '' : ` · ${parts.join('; ')}`;
}
