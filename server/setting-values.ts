/** How the text of one setting becomes its value; the message of a refused one says how to mend it. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { egressDnsSchema } from '../shared/egress';
import { probeSettingsSchema } from '../shared/proof';

export const text = z.string();
export const yesNo = z.enum(['yes', 'no'], 'Give yes or no.').transform((it) => it === 'yes');
export const hostName = text.regex(
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
  'Give a lower-case host name without scheme and port.',
);
export const httpUrl = z.url({ protocol: /^https?$/, error: 'Give a whole http:// or https:// address.' });

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Milliseconds of a text such as 90s, 15m, 2h or 1d; NaN for any other. */
function timeOf(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return Number(count) * (UNIT_MS[unit ?? ''] ?? Number.NaN);
}

/** Shorter would stop a sandbox while its owner reads what Claude wrote, and test a way out all the time. */
const DURATION_MIN_MS = 60_000;
export const duration = z.string().transform((text, ctx) => {
  if (text === '0') return 0;
  const ms = timeOf(text);
  if (ms >= DURATION_MIN_MS) return ms;
  ctx.addIssue({
    code: 'custom',
    message: 'Give a time of at least a minute such as 90s, 30m, 2h or 1d, or 0 for off.',
  });
  return z.NEVER;
});

export const listenAddress = z.string().transform((text, ctx) => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match && port >= 1 && port <= 65_535) return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
  ctx.addIssue({ code: 'custom', message: 'Give HOST:PORT or :PORT, such as 127.0.0.1:2222.' });
  return z.NEVER;
});

/** More would be a mistake in typing: each mapping is a listener of the gateway. */
const PORT_RANGE_MAX = 1_000;
export const portRange = z.string().transform((text, ctx) => {
  const [, low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (first >= 1 && last <= 65_535 && first <= last && last - first < PORT_RANGE_MAX) return { first, last };
  ctx.addIssue({
    code: 'custom',
    message: `Give FIRST-LAST, at most ${PORT_RANGE_MAX} ports, such as 9000-9019.`,
  });
  return z.NEVER;
});

export const isProxy = (entry: string) => {
  const [address = '', bits, rest] = entry.split('/');
  const family = isIP(address);
  if (family === 0 || rest !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
};

const PROOF_MIN_MS = 30_000;
const PROOF_MAX_MS = 86_400_000;
export const proofInterval = z.string().transform((text, ctx) => {
  const ms = timeOf(text);
  if (ms >= PROOF_MIN_MS && ms <= PROOF_MAX_MS) return ms / 1000;
  ctx.addIssue({ code: 'custom', message: 'Give a time from 30s to 1d, such as 15m.' });
  return z.NEVER;
});

/** `none` switches off what has a default. */
const NONE = 'none';
export const echoUrls = z.string().transform((text, ctx) => {
  const urls = text === NONE ? [] : text.split(',').map((it) => it.trim());
  const result = probeSettingsSchema.shape.echoUrls.safeParse(urls);
  if (result.success) return result.data;
  ctx.addIssue({
    code: 'custom',
    message: 'Give at most 8 whole http:// or https:// addresses with commas between, or none.',
  });
  return z.NEVER;
});
export const connectUrl = z.string().transform((text, ctx) => {
  if (text === NONE) return null;
  const result = httpUrl.safeParse(text);
  if (result.success) return result.data;
  ctx.addIssue({ code: 'custom', message: 'Give a whole http:// or https:// address, or none.' });
  return z.NEVER;
});
export const dnsEcho = z.string().transform((text, ctx) => {
  if (text === NONE) return null;
  const [name = '', type = 'A', ...rest] = text.trim().split(/\s+/);
  const result = probeSettingsSchema.shape.dnsEcho.safeParse({ name, type });
  if (result.success && rest.length === 0) return result.data;
  ctx.addIssue({
    code: 'custom',
    message:
      'Give a name, and TXT after it if that is asked for, such as {unique}.echo.example.org, or none.',
  });
  return z.NEVER;
});
export const egressDns = z.string().transform((text, ctx) => {
  const match = /^(?:(udp|tcp|tls|https):\/\/)?([0-9.]+)(?:#(.+))?$/.exec(text);
  const result = egressDnsSchema.safeParse({
    transport: match?.[1] ?? 'tcp',
    server: match?.[2],
    name: match?.[3] ?? null,
  });
  if (result.success) return result.data;
  ctx.addIssue({
    code: 'custom',
    message:
      'Give an IPv4 address, with udp://, tcp://, tls:// or https:// before it if need be, such as tls://9.9.9.9#dns.quad9.net.',
  });
  return z.NEVER;
});
