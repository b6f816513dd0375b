import { generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Proof, signedText } from '../../shared/proof';
import { verifyProof } from './verify-proof';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const spki = (key = publicKey) => key.export({ type: 'spki', format: 'der' }).toString('base64');
const unsigned: Omit<Proof, 'signature'> = {
  id: '6a4f7c1e-6f0f-4a52-9d0f-0d4b4f3b7a11',
  sandboxId: null,
  egressId: 'e1',
  cause: 'test',
  startedAt: '2026-01-01T00:00:00.000Z',
  finishedAt: '2026-01-01T00:00:01.000Z',
  verdict: 'green',
  reason: null,
  exitAddress: '192.0.2.1',
  expectedAddress: '192.0.2.1',
  seen: [{ source: 'echo.test', address: '192.0.2.1' }],
  resolver: null,
  latencyMs: 12.5,
  checks: [],
  keyId: '0123456789abcdef',
};
const proof: Proof = {
  ...unsigned,
  signature: sign(null, Buffer.from(signedText(unsigned)), privateKey).toString('base64'),
};

test('a proof is known by its signature, in whatever order its fields come back', () => {
  const reordered: Proof = { ...Object.fromEntries(Object.entries(proof).reverse()), ...proof };
  expect(verifyProof(reordered, spki())).toBe(true);
  expect(verifyProof(JSON.parse(JSON.stringify(proof)), spki())).toBe(true);
});

test.each<[string, Partial<Proof>]>([
  ['verdict', { verdict: 'red' }],
  ['exit address', { exitAddress: '192.0.2.2' }],
  ['time', { finishedAt: '2026-01-02T00:00:01.000Z' }],
  ['sandbox', { sandboxId: 'a0123456789abcde' }],
  ['signature', { signature: 'AAAA' }],
])('another %s is seen', (_what, change) => {
  expect(verifyProof({ ...proof, ...change }, spki())).toBe(false);
});

test('another key, another kind of key and no key at all do not verify', () => {
  expect(verifyProof(proof, spki(generateKeyPairSync('ed25519').publicKey))).toBe(false);
  expect(verifyProof(proof, spki(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey))).toBe(false);
  expect(verifyProof(proof, 'no key')).toBe(false);
});
