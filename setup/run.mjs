// The set-up's one way to run a program: argument arrays, a time limit, errors that say what was run and what it said.
import { spawn } from 'node:child_process';

/** What is kept of a program's output for an error text, in characters. */
const OUTPUT_TAIL = 16_000;

export class CommandError extends Error {
  constructor(message, { code, output }) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.output = output;
  }
}

/**
 * Runs to its end and returns what it printed. Throws CommandError when it ends with a code that is not in
 * `allow`, cannot be started (code 127) or takes longer than `timeoutMs` (code 124).
 * `onLine` gets each line of both outputs as it comes; `inherit` gives the program our terminal instead.
 */
export function run(file, args, options = {}) {
  const { cwd, env, input, allow = [0], timeoutMs = 120_000, onLine, inherit = false } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      env: env ? { ...process.env, ...env } : process.env,
      stdio: inherit ? 'inherit' : [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let output = '';
    let rest = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
    }, timeoutMs);
    const take = (text) => {
      output = (output + text).slice(-OUTPUT_TAIL);
      if (!onLine) return;
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      take(text);
    });
    child.stderr?.setEncoding('utf8').on('data', take);
    if (input !== undefined) child.stdin?.on('error', () => {}).end(input);
    const fail = (code, why) => {
      clearTimeout(timer);
      const shown = [file, ...args].join(' ');
      reject(new CommandError(`${shown}: ${why}${output ? `\n${output.trimEnd()}` : ''}`, { code, output }));
    };
    child.on('error', (error) => fail(127, error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (rest && onLine) onLine(rest);
      if (timedOut) fail(124, `took longer than ${Math.round(timeoutMs / 1000)} s`);
      else if (code !== null && allow.includes(code)) resolve({ code, stdout, output });
      else fail(code ?? 128, signal ? `ended by ${signal}` : `ended with code ${code}`);
    });
  });
}

/** Whether a program can be run and ends with 0. */
export async function succeeds(file, args, options = {}) {
  try {
    await run(file, args, { timeoutMs: 20_000, ...options });
    return true;
  } catch {
    return false;
  }
}
