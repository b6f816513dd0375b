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
