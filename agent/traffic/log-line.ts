/**
 * sing-box's own log, line by line: `+0000 2026-11-21 09:10:07 DEBUG [808860083 7ms] router: ...`. The number is drawn
 * anew for each connection and is not known inside the sandbox. Texts are those of sing-box 1.12.
 *
 * A name that was sniffed is printed as the client wrote it, and TLS lets it hold a line break: a sandbox can make lines
 * up about connections that it never had, but not about those that it has.
 */
export interface LogLine {
  /** Milliseconds since 1970; the log knows seconds. */
  at: number;
  /** Of its connection, which began `ageMs` ago. */
  id: string;
  ageMs: number;
  told: Told;
}

export type Told =
  | { kind: 'from'; network: 'tcp' | 'udp'; port: number }
  | { kind: 'to'; address: string; port: number }
  /** The name that a stand-in address led back to. */
  | { kind: 'named'; name: string }
  | { kind: 'sniffed'; name: string }
  /** A rule decided: `text` is its condition. */
  | { kind: 'rejected'; text: string }
  | { kind: 'granted' }
  /** `half`: one direction only. */
  | { kind: 'ended'; half: 'up' | 'down' | null }
  | { kind: 'asked'; name: string; type: string }
  | { kind: 'answered'; name: string; code: string }
  | { kind: 'record'; type: string; value: string }
  /** Answered by a rule and not by a resolver. */
  | { kind: 'refused'; code: string }
  /** AAAA, where only IPv4 is carried. */
  | { kind: 'unsupported' }
  | { kind: 'failed'; name: string; type: string };

const LINE =
  /^([+-]\d{4}) (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([A-Z]+) \[(\d+) ([0-9.msh]+)\] ([a-z]+)[^:]*: (.*)$/;

/** Null for a line that tells nothing of one connection. */
export function parseLine(line: string): LogLine | null {
  const [, zone = '', day, time, level = '', id = '', age = '', part = '', text = ''] = LINE.exec(line) ?? [];
  const told = id === '' ? null : parsers.get(part)?.(text, level);
  if (!told) return null;
  const at = Date.parse(`${day}T${time}${zone.slice(0, 3)}:${zone.slice(3)}`);
  return { at, id, ageMs: durationOf(age), told };
}

type Parser = (text: string, level: string) => Told | null;
const parsers = new Map<string, Parser>(Object.entries({ inbound, router, connection, dns }));

function inbound(text: string): Told | null {
  const [, packet, direction, host = '', port] =
    /^inbound (packet )?connection (from|to) (.+):(\d+)$/.exec(text) ?? [];
  if (direction === undefined) return null;
  if (direction === 'to') return { kind: 'to', address: host, port: Number(port) };
  return { kind: 'from', network: packet === undefined ? 'tcp' : 'udp', port: Number(port) };
}

function router(text: string, level: string): Told | null {
  const named = /^found fakeip domain: (.+)$/.exec(text)?.[1];
  if (named !== undefined) return { kind: 'named', name: plainName(named) };
  const sniffed = /^sniffed (?:packet )?protocol: [^,]+, domain: ([^,]+)/.exec(text)?.[1];
  if (sniffed !== undefined) return { kind: 'sniffed', name: plainName(sniffed) };
  const [, condition = '', action] = /^match\[\d+\] (?:(.*) )?=> ([^ ]+)$/.exec(text) ?? [];
  if (action?.startsWith('reject')) return { kind: 'rejected', text: condition };
  if (action?.startsWith('route(grants')) return { kind: 'granted' };
  if (text.startsWith('connection closed: ') || level === 'ERROR') return { kind: 'ended', half: null };
  return null;
}

function connection(text: string): Told | null {
  const direction = /^connection (upload|download) (?:finished|closed)/.exec(text)?.[1];
  if (direction !== undefined) return { kind: 'ended', half: direction === 'upload' ? 'up' : 'down' };
  if (/^packet (?:upload|download) (?:finished|closed)/.test(text)) return { kind: 'ended', half: null };
  const failed =
    /^(?:open|listen) (?:packet )?connection |^report handshake success|^connection (?:upload|download) (?:payload|handshake)/;
  return failed.test(text) ? { kind: 'ended', half: null } : null;
}

function dns(text: string, level: string): Told | null {
  if (text === 'strategy rejected') return { kind: 'unsupported' };
  const asked = /^exchange (.+) IN (\S+)$/.exec(text);
  if (asked) return { kind: 'asked', name: plainName(asked[1] ?? ''), type: asked[2] ?? '' };
  const failed = /^exchange failed for (.+) IN (\S+?): /.exec(text);
  if (failed) return { kind: 'failed', name: plainName(failed[1] ?? ''), type: failed[2] ?? '' };
  const rule = /^match\[\d+\] (?:.* )?=> (predefined\(([A-Z]+)|reject|predefined)/.exec(text);
  if (rule) return { kind: 'refused', code: rule[1] === 'reject' ? 'REFUSED' : (rule[2] ?? 'NOERROR') };
  if (level === 'DEBUG') {
    const [, name, code] = /^(?:exchanged|cached) (.+) ([A-Z0-9]+) \d+$/.exec(text) ?? [];
    return name === undefined ? null : { kind: 'answered', name: plainName(name), code: code ?? '' };
  }
  const [, type, value] = /^(?:exchanged|cached) [A-Z0-9]+ .+? \d+ IN ([A-Z0-9]+) (.*)$/.exec(text) ?? [];
  return type === undefined ? null : { kind: 'record', type, value: value ?? '' };
}

export const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '');

/** `371ms`, `1.23s`, `2m3s`, as sing-box prints them. */
function durationOf(text: string): number {
  const [, minutes, seconds] = /^(?:(\d+)m)?([\d.]+)s$/.exec(text) ?? [];
  if (seconds !== undefined) return Number(minutes ?? 0) * 60_000 + Number(seconds) * 1000;
  return Number.parseInt(text, 10) || 0;
}
