import { createHash, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signedText } from '../../shared/proof';
import { loadSigningKey } from './signing-key';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-key-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the key is made once, is private, and signs', async () => {
  const key = await loadSigningKey(join(folder, 'agent'));
  expect((await stat(join(folder, 'agent', 'proof_ed25519.pem'))).mode & 0o777).toBe(0o600);
  const spki = Buffer.from(key.publicKey, 'base64');
  expect(key.keyId).toBe(createHash('sha256').update(spki).digest('hex').slice(0, 16));
  const proof = key.sign({
    id: '6a4f7c1e-6f0f-4a52-9d0f-0d4b4f3b7a11',
    sandboxId: null,
    egressId: null,
    cause: 'test',
    startedAt: 'a',
    finishedAt: 'b',
    verdict: 'green',
    reason: null,
    exitAddress: null,
    expectedAddress: null,
    seen: [],
    resolver: null,
    latencyMs: null,
    checks: [],
  });
  expect(proof.keyId).toBe(key.keyId);
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const signature = Buffer.from(proof.signature, 'base64');
  expect(verify(null, Buffer.from(signedText(proof)), publicKey, signature)).toBe(true);
  expect((await loadSigningKey(join(folder, 'agent'))).publicKey).toBe(key.publicKey);
});
