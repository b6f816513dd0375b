import type { PolicyView } from '../../shared/egress-views';
import { policyLines } from '../../shared/policy-diff';
import { spelledOut } from '../../shared/policy-presets';

/** Which saved rules say a line, nearest first; empty for what nobody has to say. */
export function sourcesOf(line: string, saved: readonly PolicyView[]): string[] {
  return saved
    .filter((it) => policyLines(spelledOut(it.policy)).includes(line))
    .map((it) =>
      it.target === 'everyone'
        ? 'everyone'
        : it.target === 'workspace'
          ? `workspace ${it.targetName}`
          : 'its own',
    );
}
