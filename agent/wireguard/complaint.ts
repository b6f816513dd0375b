import { run } from '../apply/run';
import { recentLines, type SingBoxFiles } from '../apply/singbox';
import { egressReason } from '../plan/tunnel-reason';
import type { LinkRecord } from './link';

const SILENT_PEER =
  'The WireGuard peer does not answer: a key or the port is another one than it has, or a firewall on the way drops UDP.';
/** A session that carries traffic shakes hands again every two minutes; after three it is void (WireGuard's REJECT_AFTER_TIME). */
const SESSION_MS = 180_000;

/** Why nothing comes back by this link, in a sentence; null when it does not tell. `silent`: connections get no answer. */
export async function linkComplaint(
  record: LinkRecord,
  files: SingBoxFiles,
  silent: boolean,
): Promise<string | null> {
  if (record.name === null) return reasonInLog(await recentLines(files), silent);
  const show = ['ip', 'netns', 'exec', record.namespace, 'wg', 'show', record.name, 'latest-handshakes'];
  const { code, stdout } = await run(show, { okCodes: [0, 1, 255] });
  return code === 0 && isSilent(stdout, { silent, now: Date.now() }) ? SILENT_PEER : null;
}

/** From sing-box's lines, newest first. A handshake is tried again every five seconds. */
export function reasonInLog(lines: readonly string[], silent: boolean): string | null {
  const answer = lines.findIndex((it) => it.includes('received handshake response'));
  const since = answer < 0 ? lines : lines.slice(0, answer);
  const unanswered = silent
    ? /handshake did not complete|sending handshake initiation/
    : /handshake did not complete/;
  if (since.some((it) => unanswered.test(it))) return SILENT_PEER;
  return egressReason(lines.filter((it) => /\b(ERROR|FATAL)\b/.test(it)));
}

/** From a peer's key and the time of its last handshake in seconds since 1970, 0 for none (wg(8)). */
export function isSilent(shown: string, { silent, now }: { silent: boolean; now: number }): boolean {
  const last = /\t(\d+)\s*$/.exec(shown)?.[1];
  if (last === undefined) return false;
  return last === '0' || (silent && now - Number(last) * 1000 > SESSION_MS);
}
