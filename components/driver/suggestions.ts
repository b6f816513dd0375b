import { fields, str } from './tool-parts';

export interface Suggestion {
  label: string;
  /** As it stands in the request: goes back as it is. */
  value: unknown;
}

const modes: Record<string, string> = {
  acceptEdits: 'accept edits',
  bypassPermissions: 'allow everything',
  plan: 'plan only',
  default: 'ask each time',
};
const places: Record<string, string> = {
  session: 'in this session',
  localSettings: 'in this folder',
  projectSettings: 'in this project',
  userSettings: 'everywhere',
};

/** What Claude Code offers to remember with an answer, in words. What is not understood is not offered. */
export function suggestionsOf(given: unknown): Suggestion[] {
  return (Array.isArray(given) ? given : []).flatMap((value) => {
    const it = fields(value);
    const where = places[str(it.destination)] ?? '';
    if (it.type === 'setMode') {
      const mode = modes[str(it.mode)];
      return mode ? [{ label: `Yes, and ${mode} ${where}`.trim(), value }] : [];
    }
    if (it.type === 'addRules' && it.behavior === 'allow' && Array.isArray(it.rules) && it.rules.length > 0) {
      const rules = it.rules.map((rule) => {
        const { toolName, ruleContent } = fields(rule);
        return str(ruleContent) === '' ? str(toolName) : `${str(toolName)}(${str(ruleContent)})`;
      });
      return [{ label: `Always allow ${rules.join(', ')} ${where}`.trim(), value }];
    }
    if (it.type === 'addDirectories' && Array.isArray(it.directories))
      return [{ label: `Yes, and allow ${it.directories.map(String).join(', ')} ${where}`.trim(), value }];
    return [];
  });
}
