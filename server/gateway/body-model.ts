/** The model that a request names, found and replaced in its bytes: all other bytes stay as they are. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING = new Set([0x7b, 0x5b]); // { [
const CLOSING = new Set([0x7d, 0x5d]); // } ]
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The body with another `model`, or null when it names none or keeps its own. `map` is what the client asks for to what
 * the host calls it; `*` stands for all that are not named.
 */
export function mapModel(body: Buffer, map: ReadonlyMap<string, string>): Buffer | null {
  const found = modelIn(body);
  if (!found) return null;
  const wanted = map.get(found.model) ?? map.get(found.model.replace(/\[1m\]$/, '')) ?? map.get('*');
  if (wanted === undefined || wanted === found.model) return null;
  return Buffer.concat([
    body.subarray(0, found.start),
    Buffer.from(JSON.stringify(wanted)),
    body.subarray(found.end),
  ]);
}

/** Where the value of the outermost object's `model` stands, quotes included. The last one counts, as in JSON.parse. */
function modelIn(body: Buffer): { start: number; end: number; model: string } | null {
  let found: { start: number; end: number; model: string } | null = null;
  let depth = 0;
  let key: string | null = null;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (OPENING.has(byte)) depth += 1;
    else if (CLOSING.has(byte)) depth -= 1;
    else if (byte === QUOTE) {
      const end = endOfString(body, at);
      if (end === -1) return null;
      if (depth === 1) {
        const text = stringAt(body, at, end);
        if (text === null) return null;
        if (key === null && nextByte(body, end) === COLON) key = text;
        else {
          if (key === 'model') found = { start: at, end, model: text };
          key = null;
        }
      }
      at = end - 1;
      continue;
    } else if (byte === 0x2c && depth === 1) key = null;
    // A key whose value is an object or a list is done with.
    if (depth !== 1) key = null;
  }
  return depth === 0 ? found : null;
}

/** After the closing quote; -1: there is none. */
function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at += 1) {
    if (body[at] === BACKSLASH) at += 1;
    else if (body[at] === QUOTE) return at + 1;
  }
  return -1;
}

function stringAt(body: Buffer, start: number, end: number): string | null {
  try {
    const text: unknown = JSON.parse(body.toString('utf8', start, end));
    return typeof text === 'string' ? text : null;
  } catch {
    return null;
  }
}

function nextByte(body: Buffer, from: number): number {
  let at = from;
  while (SPACE.has(body[at] ?? 0)) at += 1;
  return body[at] ?? 0;
}
