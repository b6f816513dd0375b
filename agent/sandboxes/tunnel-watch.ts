import { setTimeout as delay } from 'node:timers/promises';
import { TUN_NAME } from '../../shared/names';
import { type Namespace, routeOut } from '../apply/netns';
import { contextSwitches, links, processFacts } from '../apply/proc';

/** sing-box needs 0.1-0.3 s for its tun and routes on an idle machine; one that takes longer is started anew. */
const READY_DEADLINE_MS = 8_000;
const READY_POLL_MS = 10;
/** How often a running sing-box is looked at; one that hangs is found after one or two looks. */
const WATCH_MS = 1_000;

/** True when the tun is there and takes the traffic; false when `over` fired or the deadline passed. */
export async function tunReady(namespace: Namespace, over: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!over.aborted && Date.now() < deadline) {
    const present = (await links(namespace.pid)).some((it) => it.name === TUN_NAME);
    if (present && (await routeOut(namespace)) === TUN_NAME) return true;
    await delay(READY_POLL_MS);
  }
  return false;
}

/**
 * Until sing-box hangs: it was stopped by a signal, or the sandbox sent into the tun while none of its threads ran.
 * Nothing leaves then; but nothing would come back by itself either. Resolves to a sentence, or to null when `over` fired.
 */
export async function hangOf(namespace: Namespace, pid: number, over: AbortSignal): Promise<string | null> {
  let before = { sent: Number.POSITIVE_INFINITY, ticks: -1, switches: -1 };
  while (!over.aborted) {
    await delay(WATCH_MS, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return null;
    const [facts, all] = await Promise.all([processFacts(pid), links(namespace.pid)]);
    if (facts === null) continue;
    if (facts.state === 'T' || facts.state === 't')
      return 'The tunnel was stopped by a signal; it is ended and started again.';
    const sent = all.find((it) => it.name === TUN_NAME)?.txPackets ?? 0;
    const idle = facts.cpuTicks === before.ticks && sent > before.sent;
    // Reading a packet costs a switch even when it costs no tick; only then are all threads looked at.
    const switches = idle ? await contextSwitches(pid) : -1;
    if (idle && switches === before.switches)
      return 'The tunnel took no packets any more; it is ended and started again.';
    before = { sent, ticks: facts.cpuTicks, switches };
  }
  return null;
}
