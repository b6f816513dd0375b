import { expect, test } from 'vitest';
import { CommandError, run } from './run';

test('gives output and takes standard input', async () => {
  expect((await run(['cat'], { input: 'ä\n' })).stdout).toBe('ä\n');
});

test('arguments are never read by a shell', async () => {
  expect((await run(['printf', '%s', '$(id); `id` && x'])).stdout).toBe('$(id); `id` && x');
});

test('an error names the command, the exit code and stderr', async () => {
  const failure = await run(['ls', '/does/not/exist']).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CommandError);
  expect(String(failure)).toMatch(/`ls \/does\/not\/exist` ended with 2: .*No such file or directory/);
  await expect(run(['false'], { okCodes: [0, 1] })).resolves.toMatchObject({ code: 1 });
});

test('a missing program, a time-out and an abort are told apart', async () => {
  await expect(run(['no-such-program-here'])).rejects.toThrow('could not run');
  await expect(run(['sleep', '30'], { timeoutMs: 50 })).rejects.toThrow('did not end within 50 ms');
  const reason = new Error('enough');
  const stop = new AbortController();
  const running = run(['sleep', '30'], { signal: stop.signal });
  stop.abort(reason);
  await expect(running).rejects.toBe(reason);
});

test('a child that does not read its input fails by its exit code', async () => {
  await expect(run(['false'], { input: 'x'.repeat(1_000_000) })).rejects.toThrow('ended with 1');
});
