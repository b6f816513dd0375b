/** What `claude auth login` says on a pipe, read however it is cut and wrapped. */

/** CSI, OSC and single-character escapes: a pipe has none, a version that writes some is read all the same. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
/** More is no log-in: the rest is not kept. */
const OUTPUT_MAX_CHARS = 64 * 1024;
/** Anthropic's own pages only: whoever uses the sandbox could have put another program in Claude Code's place. */
const START = /https:\/\/(?:[a-z0-9-]+\.)*(?:claude\.com|claude\.ai|anthropic\.com)\/\S*oauth\/authorize\?/;
const PROMPT = /paste\s+code/i;
const INCOMPLETE = /(?:does not|doesn['’]t) look like the full code/gi;
const MESSAGE_MAX_CHARS = 300;

export interface LoginOutput {
  push(text: string): void;
  /** The page to open; null until it was said whole. */
  readonly url: string | null;
  /** How often a code was refused as incomplete, without ending. */
  readonly incomplete: number;
  /** The last words, for people, when it failed. */
  readonly message: string;
}

export function createLoginOutput(): LoginOutput {
  let raw = '';
  let url: string | null = null;
  return {
    push(text) {
      raw = (raw + text).slice(-OUTPUT_MAX_CHARS);
      url ??= urlIn(clean(raw));
    },
    get url() {
      return url;
    },
    get incomplete() {
      return clean(raw).match(INCOMPLETE)?.length ?? 0;
    },
    get message() {
      return lastWords(clean(raw));
    },
  };
}

/** An escape that is not whole yet stays until the next push makes it so. */
const clean = (raw: string): string => raw.replace(ESCAPES, '').replaceAll('\r', '');

/**
 * The address stands before the question for the code; there it ends, or at an empty line. Between them it may be
 * wrapped: an address has no spaces, so all of them go.
 */
function urlIn(text: string): string | null {
  const start = START.exec(text);
  if (!start) return null;
  const rest = text.slice(start.index);
  const prompt = PROMPT.exec(rest);
  if (!prompt) return null;
  const whole = rest.slice(0, prompt.index).split(/\n[ \t]*\n/)[0] ?? '';
  const joined = whole.replace(/\s+/g, '');
  try {
    const { protocol, searchParams } = new URL(joined);
    const complete = ['client_id', 'code_challenge', 'state'].every((it) => searchParams.get(it));
    return protocol === 'https:' && complete ? joined : null;
  } catch {
    return null;
  }
}

/** The last line that is neither the question nor the address. */
function lastWords(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.replace(/^.*paste\s+code[^>]*>\s*/i, '').trim())
    .filter((line) => line !== '' && !/https?:\/\//.test(line));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they have no place in a sentence
  return (lines.at(-1) ?? '').replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MESSAGE_MAX_CHARS);
}

/** `CODE#STATE` as the page shows it, whatever line ends it was copied with; null: it is not whole. */
export function codeOf(text: string): string | null {
  const code = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9_.~%+/=-]+#[A-Za-z0-9_.~%+/=-]+$/.test(code) ? code : null;
}
