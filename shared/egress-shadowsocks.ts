/** The shadowsocks kind: its schema and the plugin options it is judged by. */
import { z } from 'zod';
import { endpoint, secret, text } from './egress-transport';

export const shadowsocksMethods = [
  '2022-blake3-aes-128-gcm',
  '2022-blake3-aes-256-gcm',
  '2022-blake3-chacha20-poly1305',
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-ietf-poly1305',
  'xchacha20-ietf-poly1305',
  'none',
] as const;

export const shadowsocksSchema = z
  .object({
    kind: z.literal('shadowsocks'),
    ...endpoint,
    method: z.enum(shadowsocksMethods),
    /** For a 2022 method base64 of the key, or `server:user` keys where the server has several users. */
    password: secret,
    plugin: z.enum(['obfs-local', 'v2ray-plugin']).nullable().default(null),
    /** SIP003: `key=value;flag`. */
    pluginOptions: text(1024).default(''),
    udpOverTcp: z.boolean().default(false),
  })
  .superRefine(checkShadowsocks);

/** Bytes of the key that a 2022 method wants; sing-box refuses the configuration for any other length. */
const KEY_BYTES: Partial<Record<(typeof shadowsocksMethods)[number], number>> = {
  '2022-blake3-aes-128-gcm': 16,
  '2022-blake3-aes-256-gcm': 32,
  '2022-blake3-chacha20-poly1305': 32,
};
function checkShadowsocks(
  it: {
    method: (typeof shadowsocksMethods)[number];
    password: string;
    plugin: string | null;
    pluginOptions: string;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (field: string, message: string) =>
    context.addIssue({ code: 'custom', path: [field], message });
  const bytes = KEY_BYTES[it.method];
  if (bytes !== undefined) {
    const keys = it.password.split(':');
    if (keys.some((key) => base64Bytes(key) !== bytes)) {
      refuse('password', `The password of ${it.method} is base64 of ${bytes} bytes.`);
    }
    // Only the AES methods know identity headers (SIP022).
    if (it.method === '2022-blake3-chacha20-poly1305' && keys.length > 1) {
      refuse('password', `${it.method} takes a single key.`);
    }
  }
  if (it.plugin === null) {
    if (it.pluginOptions !== '') refuse('pluginOptions', 'Options need a plugin.');
    return;
  }
  const options = pluginOptions(it.pluginOptions);
  if (options === null) {
    refuse('pluginOptions', 'The options are not `key=value;flag`.');
    return;
  }
  // The agent runs as root: no path of the host may come from a setting.
  if (options.has('cert')) refuse('pluginOptions', '`cert` names a file; give the text in `certRaw`.');
  const mode = options.get('mode') ?? 'websocket';
  if (it.plugin === 'v2ray-plugin' && mode !== 'websocket') {
    refuse('pluginOptions', 'v2ray-plugin is known in mode websocket only.');
  }
  const obfs = options.get('obfs') ?? 'http';
  if (it.plugin === 'obfs-local' && obfs !== 'http' && obfs !== 'tls') {
    refuse('pluginOptions', '`obfs` is http or tls.');
  }
  if (it.plugin === 'v2ray-plugin' && !/^\d{1,4}$/.test(options.get('mux') ?? '0')) {
    refuse('pluginOptions', '`mux` is a number.');
  }
}
/** Length of what padded base64 text stands for; -1 when it is none. */
function base64Bytes(encoded: string): number {
  if (!/^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded)) return -1;
  return (encoded.length / 4) * 3 - (encoded.length - encoded.replace(/=+$/, '').length);
}

/**
 * Reads a shadowsocks plugin's options (SIP003) as sing-box does: `key=value;flag`, a backslash takes the next
 * character as it is, and a key without a value means `1`. Null when sing-box would refuse the text.
 */
export function pluginOptions(text: string): ReadonlyMap<string, string> | null {
  const options = new Map<string, string>();
  let at = 0;
  const until = (ends: string): string | null => {
    let out = '';
    while (at < text.length && !ends.includes(text.charAt(at))) {
      if (text.charAt(at) === '\\') at += 1;
      if (at >= text.length) return null;
      out += text.charAt(at);
      at += 1;
    }
    return out;
  };
  while (at < text.length) {
    const key = until('=;');
    if (!key) return null;
    let value: string | null = '1';
    if (text.charAt(at) === '=') {
      at += 1;
      value = until(';');
    }
    if (value === null) return null;
    // The first one counts.
    if (!options.has(key)) options.set(key, value);
    at += 1;
  }
  return options;
}
