import type { Egress } from '../../../shared/egress';
import { ImportProblem } from './problem';

/** One entry of a text: taken, or refused with the reason; never in between. */
export interface ImportedEgress {
  /** 1-based line, or position of the entry for JSON and YAML. */
  line: number;
  label: string;
  config: Egress | null;
  problem: string | null;
}
/** Before the labels are cleaned and made unique. */
export interface RawEntry extends Omit<ImportedEgress, 'label'> {
  label: string | null;
}

/** More in one text is a mistake or an attack; a large subscription has some hundreds. */
export const IMPORT_ENTRIES_MAX = 2000;

export function entryOf(line: number, label: string | null, read: () => Egress): RawEntry {
  try {
    return { line, label, config: read(), problem: null };
  } catch (error) {
    if (!(error instanceof ImportProblem)) throw error;
    return { line, label, config: null, problem: error.message };
  }
}

/** As `nameSchema` in shared/views.ts allows. */
const LABEL_MAX_CHARS = 64;

/** Control characters and the marks that turn the direction of writing around could forge a list of names. */
function cleanLabel(label: string): string {
  const plain = label.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ');
  return cut(plain.replace(/\s+/g, ' ').trim(), LABEL_MAX_CHARS);
}

/** Cuts between characters, not inside a pair of surrogates. */
function cut(label: string, max: number): string {
  return label
    .slice(0, max)
    .replace(/[\ud800-\udbff]$/, '')
    .trim();
}

export function withLabels(entries: readonly RawEntry[]): ImportedEgress[] {
  const taken = new Set<string>();
  const next = new Map<string, number>();
  return entries.map((entry) => {
    const wanted = cleanLabel(entry.label ?? '') || fallback(entry);
    let label = wanted;
    let number = next.get(wanted) ?? 2;
    for (; taken.has(label); number += 1) {
      const suffix = ` ${number}`;
      label = `${cut(wanted, LABEL_MAX_CHARS - suffix.length)}${suffix}`;
    }
    next.set(wanted, number);
    taken.add(label);
    return { ...entry, label };
  });
}

function fallback({ config, line }: RawEntry): string {
  if (config === null) return `Line ${line}`;
  if (config.kind === 'direct') return 'Direct';
  return cut(`${config.kind} ${config.server}`, LABEL_MAX_CHARS);
}
