/** Reads ways out from whatever text people have: share links, subscriptions, Clash, sing-box, WireGuard. Pure. */
import { IMPORT_TEXT_MAX_CHARS, type ImportPreview } from '../../../shared/egress-views';
import { clashProxies, looksLikeClash } from './clash';
import { type ImportedEgress, type RawEntry, withLabels } from './entry';
import { isLinkLine, linkLines } from './links';
import { singBoxObjects } from './sing-box';
import { fromBase64 } from './values';
import { looksLikeWireguard, wireguardConf } from './wireguard-conf';

export interface ImportResult {
  format: ImportPreview['format'];
  entries: ImportedEgress[];
  /** Why the text as a whole could not be read; there are no entries then. */
  problem: string | null;
}

const FORMATS =
  'share links (one a line), a base64 list of them, Clash YAML, sing-box JSON or a WireGuard .conf file';

/**
 * Never throws for a text, whatever is in it. An entry is either taken whole or refused with a sentence that
 * names the field and never the value; labels are clean and each is there once; `line` is unique.
 */
export function importEgresses(text: string): ImportResult {
  if (text.length > IMPORT_TEXT_MAX_CHARS) {
    return none(`The text is longer than ${IMPORT_TEXT_MAX_CHARS} characters; import it in parts.`);
  }
  const plain = text.replace(/^\ufeff/, '');
  const body = plain.trimStart();
  if (body === '') return none(`The text is empty; paste ${FORMATS}.`);
  if (looksLikeWireguard(plain)) return some('wireguard', [wireguardConf(plain)]);
  if (/^([{[]|\/\/|\/\*)/.test(body) || /^#[^\n]*\n\s*\{/.test(body))
    return some('sing-box', singBoxObjects(plain));
  if (looksLikeClash(plain)) return some('clash', clashProxies(plain));
  if (plain.split(/[\r\n]+/).some(isLinkLine)) return some('links', linkLines(plain));
  return base64List(plain);
}

function base64List(text: string): ImportResult {
  const decoded = fromBase64(text);
  if (decoded === null) return none(`The text is not understood; paste ${FORMATS}.`);
  if (looksLikeClash(decoded)) return some('base64', clashProxies(decoded));
  if (!decoded.split(/[\r\n]+/).some(isLinkLine)) {
    return none('The text is base64, but there are no share links in it.');
  }
  return some('base64', linkLines(decoded));
}

function some(format: ImportPreview['format'], entries: RawEntry[] | string): ImportResult {
  if (typeof entries === 'string') return { format, entries: [], problem: entries };
  if (entries.length === 0) return { format, entries: [], problem: 'There is no entry in the text.' };
  return { format, entries: withLabels(entries), problem: null };
}

function none(problem: string): ImportResult {
  return { format: null, entries: [], problem };
}
