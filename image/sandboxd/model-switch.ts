/** One switch of the model: `/model X` is typed, and Claude Code says whether it did it. */
import { MODEL_SWITCH_MAX_MS } from '../../shared/sandboxd-limits';
import { string } from './message-events';

/** Claude Code refused the name, or said nothing in time. The message is for people. */
export class ModelRefused extends Error {}

/** What the command prints stands in the transcript this soon after its hook, or nowhere. */
const PRINT_MAX_MS = 2_000;

interface Pending {
  wanted: string;
  /** Its own line was read: what is printed next is what it printed. */
  typed: boolean;
  /** By PostModelSwitch. */
  model: string | null;
  resolve(model: string): void;
  reject(error: Error): void;
}

export class ModelSwitch {
  #pending: Pending | null = null;

  get running(): boolean {
    return this.#pending !== null;
  }

  /** Resolves with the model that Claude Code went over to. */
  async run(wanted: string, type: () => Promise<void>): Promise<string> {
    if (this.#pending) throw new ModelRefused('Another switch of the model is under way.');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#pending = { wanted, typed: false, model: null, resolve, reject };
        timer = setTimeout(
          () =>
            reject(new ModelRefused('Claude Code did not confirm the model in time; look at the terminal.')),
          MODEL_SWITCH_MAX_MS,
        );
        type().catch(reject);
      });
    } finally {
      clearTimeout(timer);
      this.#pending = null;
    }
  }

  /** PreModelSwitch: what its hook is to be answered. A switch in the terminal keeps its dialog. */
  asked(): unknown {
    if (!this.#pending) return undefined;
    return { hookSpecificOutput: { hookEventName: 'PreModelSwitch', permissionDecision: 'allow' } };
  }

  /** PostModelSwitch. What the command prints is waited for, so that it is not taken for the next one's. */
  switched(payload: Record<string, unknown>): void {
    const pending = this.#pending;
    if (!pending) return;
    const model = string(payload.to_model);
    pending.model = model;
    setTimeout(() => pending.resolve(model), PRINT_MAX_MS).unref();
  }

  /** A command's line in the transcript. */
  typed(text: string): void {
    const args = /<command-args>([\s\S]*?)<\/command-args>/.exec(text)?.[1]?.trim();
    if (this.#pending && args === this.#pending.wanted) this.#pending.typed = true;
  }

  /** What a command printed; `model` is the present one. */
  printed(text: string, model: string | null): void {
    const pending = this.#pending;
    if (!pending?.typed) return;
    const said = plain(text);
    if (pending.model !== null) pending.resolve(pending.model);
    // Without a hook: the model is this one already.
    else if (/^(Set|Kept) model (to|as) /.test(said)) pending.resolve(model ?? pending.wanted);
    else pending.reject(new ModelRefused(said));
  }
}

/** Without the tags around it and the colours in it. */
function plain(text: string): string {
  return text
    .replace(/<\/?local-command-std(out|err)>/g, '')
    .replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
    .trim();
}
