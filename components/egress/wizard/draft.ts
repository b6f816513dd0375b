/** What somebody has entered in the wizard: kept while the tab lives, so that a wrong click loses nothing. */
import type { Egress, EgressKind } from '../../../shared/egress';
import type { EgressView, ImportPreview } from '../../../shared/egress-views';
import type { FieldValues } from '../field-spec';
import type { ProofRun } from '../use-proof-run';

export const steps = ['source', 'choose', 'test', 'use', 'proof'] as const;
export type Step = (typeof steps)[number];
export const stepTitles: Record<Step, string> = {
  source: 'Enter',
  choose: 'Check',
  test: 'Test',
  use: 'Assign',
  proof: 'Prove',
};

/** One way out that is about to be saved. */
export interface Item {
  key: string;
  label: string;
  config: Egress;
  /** Of the pasted text; null from the form. */
  line: number | null;
}

export interface Draft {
  step: Step;
  from: 'paste' | 'form';
  text: string;
  kind: EgressKind;
  label: string;
  values: FieldValues;
  /** WireGuard: the key that the host made for it. */
  publicKey: string | null;
  preview: ImportPreview | null;
  chosen: number[];
  items: Item[];
  runs: Record<string, ProofRun>;
  /** Refuse another exit address from now on than the one the test saw. */
  pin: boolean;
  saved: EgressView[];
  /** Live sandboxes that go by it now. */
  followers: string[];
}

export const emptyDraft: Draft = {
  step: 'source',
  from: 'paste',
  text: '',
  kind: 'socks5',
  label: '',
  values: {},
  publicKey: null,
  preview: null,
  chosen: [],
  items: [],
  runs: {},
  pin: false,
  saved: [],
  followers: [],
};

/** Written in the browser only. Never in the browser's storage: it holds secrets. */
let kept: Draft | null = null;
export const recall = (): Draft => kept ?? emptyDraft;
export function keep(draft: Draft): void {
  kept = draft === emptyDraft || draft.step === 'proof' ? null : draft;
}
export const isEmpty = (draft: Draft): boolean =>
  draft.text.trim() === '' && Object.keys(draft.values).length === 0 && draft.items.length === 0;
