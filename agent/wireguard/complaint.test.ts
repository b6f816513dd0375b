import { expect, test } from 'vitest';
import { isSilent, reasonInLog } from './complaint';

// Written by sing-box 1.12.12, newest first.
const line = (text: string) =>
  `+0000 2026-11-21 21:43:29 DEBUG[0012] endpoint/wireguard[link]: peer(6GZ0…CAVs) - ${text}`;
const initiation = line('sending handshake initiation');
const late = line('handshake did not complete after 5 seconds, retrying (try 2)');
const answer = line('received handshake response');
const refused =
  '+0000 2026-11-21 21:43:30 ERROR [2189518872 5ms] connection: open connection to 192.0.2.81:80 using outbound/wireguard[link]: dial tcp 192.0.2.81:80: connection refused';

test('a peer that does not answer is told by its handshakes', () => {
  expect(reasonInLog([initiation], false)).toBe(null);
  expect(reasonInLog([initiation, late, initiation], false)).toMatch(/peer does not answer/);
  expect(reasonInLog([late, initiation], false)).toMatch(/peer does not answer/);
  expect(reasonInLog([initiation], true)).toMatch(/peer does not answer/);
  expect(reasonInLog([answer, late, initiation], true)).toBe(null);
  expect(reasonInLog([refused, answer, late], true)).toMatch(/refused the connection/);
  expect(reasonInLog([], true)).toBe(null);
});

test("the kernel's by the time of its last handshake", () => {
  const now = 1_795_297_000_000;
  const shown = (seconds: number) => `6GZ0xhL9fBFEcPJVxJOHkhbWBuhfl6iARVXmkBDCAVs=\t${seconds}\n`;
  expect(isSilent(shown(0), { silent: false, now })).toBe(true);
  expect(isSilent(shown(now / 1000 - 30), { silent: true, now })).toBe(false);
  expect(isSilent(shown(now / 1000 - 300), { silent: true, now })).toBe(true);
  // Nobody sent anything for a while, and nobody waits.
  expect(isSilent(shown(now / 1000 - 300), { silent: false, now })).toBe(false);
  expect(isSilent('', { silent: true, now })).toBe(false);
});
