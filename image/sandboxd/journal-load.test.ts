// A journal of 100,000 frames: written, found again by a restart, and read to its end without being held in memory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readJournal } from './journal-reader';
import { Recorder } from './recorder';

const session = '01234567-89ab-4cde-8f01-23456789abcd';
const FRAMES = 100_000;
/** A reader holds one piece of the journal at a time. */
const PIECE_MAX_BYTES = 256 * 1024;

test('a hundred thousand frames', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cc-load-'));
  try {
    let recorder = new Recorder({ session, folder });
    recorder.emit('status', { state: 'working' }, { turn: 1 });
    for (let i = 2, offset = 0; i <= FRAMES; i++) {
      const text = `word ${i} `;
      recorder.emit(
        'text.delta',
        { role: 'assistant', messageId: 'm1', block: 0, offset, text },
        { turn: 1 },
      );
      offset += text.length;
    }
    recorder.close();

    recorder = new Recorder({ session, folder });
    expect([recorder.journal.first, recorder.journal.last]).toEqual([1, FRAMES]);
    expect(recorder.state.turn?.number).toBe(1);

    const place = { session, follow: false, signal: new AbortController().signal };
    for (const from of [0, 33_333, FRAMES - 1]) {
      let next = from + 1;
      let rest = '';
      let largest = 0;
      for await (const lines of readJournal(recorder.journal, { ...place, from })) {
        largest = Math.max(largest, lines.length);
        const whole = (rest + lines.toString()).split('\n');
        rest = whole.pop() ?? '';
        for (const line of whole) if (line.startsWith(`{"seq":${next},`)) next += 1;
      }
      expect(next).toBe(FRAMES + 1);
      expect(largest).toBeLessThan(PIECE_MAX_BYTES);
    }
    recorder.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 30_000);
