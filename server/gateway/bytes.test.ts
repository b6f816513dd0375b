import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answerQuestions, HISTORY_MAX_BYTES, historyMessage } from './attach-bytes';
import { InputLedger, LEDGER_KEEP_MS } from './input-ledger';
import { loadGatewayKey } from './key';
import { quoteCommand } from './sandbox-command';
import { parseTerminalUrl } from './terminal-query';

test('history: reset, lines with CR LF, plain colours, line feeds that push it above the screen', () => {
  expect(historyMessage(Buffer.from('a\nb\n'), 4).toString('latin1')).toBe(
    '\x02\x1bca\r\nb\r\n\x1b[0m\r\n\r\n\r\n',
  );
  expect(historyMessage(Buffer.from('a\n\nb'), 1).toString('latin1')).toBe('\x02\x1bca\r\n\r\nb\r\n\x1b[0m');
  expect(historyMessage(Buffer.alloc(0), 24).toString('latin1')).toBe('\x02\x1bc');
  const long = historyMessage(Buffer.from('0123456789abcde\n'.repeat(HISTORY_MAX_BYTES / 8)), 2);
  expect(long.length).toBeLessThan(HISTORY_MAX_BYTES * 1.1);
  expect(long.subarray(3, 5).toString()).toBe('01');
});

test('questions of tmux are taken out and answered; colours are asked of the browser', () => {
  const { output, answers } = answerQuestions(Buffer.from('\x1b[H\x1b[c\x1b[>c\x1b[>q\x1b]10;?\x1b\\x'));
  expect(output.toString()).toBe('\x1b[H\x1b]10;?\x1b\\x');
  expect(answers.toString()).toBe('\x1b[?1;2c\x1b[>0;276;0c\x1bP>|xterm.js(6.0.0)\x1b\\');
});

test('the ledger: confirmed bytes are forgotten, the rest is kept, an owner is superseded', () => {
  let now = 0;
  const ledger = new InputLedger(() => now);
  let superseded = 0;
  const owner = { supersede: () => (superseded += 1) };
  const record = ledger.take('a', 100, owner);
  record.wrote(Buffer.from('hello'));
  record.wrote(Buffer.from('world'));
  record.confirm(107);
  expect([record.written, record.confirmed, Buffer.concat([...record.unconfirmed()]).toString()]).toEqual([
    110,
    107,
    'rld',
  ]);
  const second = { supersede: () => undefined };
  expect(ledger.take('a', 0, second)).toBe(record);
  expect(superseded).toBe(1);
  record.rewind();
  expect([record.written, record.unconfirmed().length]).toEqual([107, 0]);
  ledger.release(record, owner);
  expect(record.owner).toBe(second);
  ledger.release(record, second);
  now = LEDGER_KEEP_MS + 1;
  ledger.take('b', 0, owner);
  expect(ledger.size).toBe(1);
});

test('the address of a terminal: sizes are clamped, what is odd is refused', () => {
  const base = '/ws/sandboxes/sgatewaytest0001/terminal';
  const session = '3f2c9f0e-6a55-4f0b-9a53-0f6f6b0f7a11';
  expect(parseTerminalUrl(`${base}?session=${session}&cols=0&rows=99999`)).toMatchObject({
    cols: 80,
    rows: 500,
    client: null,
  });
  expect(parseTerminalUrl(`${base}?session=${session}&client=${session}&offset=-5`)?.client?.offset).toBe(0);
  expect(parseTerminalUrl(`${base}?session=${session}&client=${session}&offset=12`)?.client?.offset).toBe(12);
  for (const url of [
    base,
    `${base}/x?session=${session}`,
    `/ws/sandboxes/A/terminal?session=${session}`,
    '//',
  ]) {
    expect(parseTerminalUrl(url)).toBeNull();
  }
});

test('the key: made once with mode 0600, the same afterwards, nothing else taken for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cc-key-'));
  try {
    const file = join(folder, 'keys', 'gateway_ed25519');
    const [one, two] = await Promise.all([loadGatewayKey(file), loadGatewayKey(file)]);
    expect(one).toEqual(two);
    expect(one.publicLine).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]{60,100} [\w.@-]{1,64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----/);
    await writeFile(join(folder, 'other'), 'not a key');
    await expect(loadGatewayKey(join(folder, 'other'))).rejects.toThrow('holds no ed25519');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a command line quotes everything and takes no NUL', () => {
  expect(quoteCommand(["it's", '', '$x'])).toBe(`'it'\\''s' '' '$x'`);
  expect(() => quoteCommand(['a\0b'])).toThrow('NUL');
});
