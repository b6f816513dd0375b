/** One switch of the model: `/model X` is typed, and Claude Code says whether it did it. */
import { MODEL_SWITCH_MAX_MS } from '../../shared/sandboxd-limits';
import { string } from './message-events';

/** Claude Code refused the name, or said nothing in time. The message is for people. */
export class ModelRefused extends Error {}

interface Pending {
  resolve(model: string): void;
  reject(error: Error): void;
}

export class ModelSwitch {
  #pending: Pending | null = null;

  get running(): boolean {
    return this.#pending !== null;
  }

  /** Resolves with the model that Claude Code went over to. */
  async run(type: () => Promise<void>): Promise<string> {
    if (this.#pending) throw new ModelRefused('Another switch of the model is under way.');
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#pending = { resolve, reject };
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

  /** PostModelSwitch. */
  switched(payload: Record<string, unknown>): void {
    this.#pending?.resolve(string(payload.to_model));
  }

  /** What a command printed; `model` is the present one. */
  printed(text: string, model: string | null): void {
    const said = plain(text);
    // Without a hook: the model is this one already.
    if (/^(Set|Kept) model (to|as) /.test(said)) this.#pending?.resolve(model ?? '');
    else this.#pending?.reject(new ModelRefused(said));
  }
}

/** Without the tags around it and the colours in it. */
function plain(text: string): string {
  return text
    .replace(/<\/?local-command-std(out|err)>/g, '')
    .replace(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '')
    .trim();
}
