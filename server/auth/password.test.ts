import bcrypt from 'bcrypt';
import { expect, test } from 'vitest';
import { createPasswords } from './password';

test('what is kept costs whoever stole it 2^12 rounds a guess', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash('correct horse battery');
  expect(bcrypt.getRounds(hash)).toBe(12);
  expect(await passwords.verify('correct horse battery', hash)).toBe(true);
  expect(await passwords.verify('correct horse batterz', hash)).toBe(false);
});

test('an unknown user takes as long as a known one, and is never right', async () => {
  const passwords = createPasswords({ cost: 11 });
  const hash = await passwords.hash('x');
  const took = async (against: string | null) => {
    const began = performance.now();
    expect(await passwords.verify('anything', against)).toBe(false);
    return performance.now() - began;
  };
  await took(null);
  const shares: number[] = [];
  for (let i = 0; i < 5; i++) shares.push((await took(null)) / (await took(hash)));
  // The middle one: a machine that was busy in one of them says nothing.
  expect(shares.sort((a, b) => a - b)[2]).toBeGreaterThan(0.5);
});

test('however many ask at once, two at a time are worked on, and all get their answer', async () => {
  const passwords = createPasswords({ cost: 4 });
  const hash = await passwords.hash('x');
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => passwords.verify(n % 2 ? 'x' : 'y', hash)),
  );
  expect(answers.filter(Boolean)).toHaveLength(10);
});

test('made passwords are long, readable and never the same', () => {
  const { make } = createPasswords({ cost: 4 });
  const made = Array.from({ length: 50 }, make);
  for (const it of made) expect(it).toMatch(/^[a-km-np-z2-9]{20}$/);
  expect(new Set(made).size).toBe(50);
});
