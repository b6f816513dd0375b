/** The part of the scripted agent that tests, proves, fetches and keeps keys. Its signatures are real. */
import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { type AgentCheck, agentOps } from '../../../shared/agent-api';
import { type ErrorCode, errorTable } from '../../../shared/errors';
import { type Proof, signedText } from '../../../shared/proof';
import type { Traffic } from '../../../shared/traffic';

export interface ScriptedEgress {
  readonly proofKeys: { keyId: string; publicKey: string }[];
  /** What a fetch of this address answers; anything else is 404. */
  readonly documents: Map<string, string>;
  /** Fetches and tests in the order in which they were asked for, as they came. */
  readonly asked: { op: string; input: Record<string, unknown> }[];
  readonly keys: Map<string, string>;
  readonly traffic: Map<string, Traffic>;
  /** Kept proofs of each sandbox, as `sandbox.proofs` gives them. */
  readonly kept: Map<string, Proof[]>;
  /** How a sandbox's proof by this way out comes out when an ensure takes it; none is taken by one that is not here. */
  readonly ways: Map<string, Partial<Proof>>;
  /** Changes the next proofs; `signature` too. */
  next: Partial<Proof>;
  /** The next fetch or test fails so. */
  fail: { code: ErrorCode; message: string } | null;
  /** While it is set, a test or proof waits after its first check until the caller leaves. */
  hang: boolean;
  /** Called when a caller has left a test or proof that hung. */
  left: () => void;
  makeProof(over: Partial<Proof>): Proof;
}

export function createScriptedEgress(): ScriptedEgress {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const keyId = randomBytes(8).toString('hex');
  return {
    proofKeys: [{ keyId, publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64') }],
    documents: new Map(),
    asked: [],
    keys: new Map(),
    traffic: new Map(),
    kept: new Map(),
    ways: new Map(),
    next: {},
    fail: null,
    hang: false,
    left: () => {},
    makeProof(over) {
      const at = new Date().toISOString();
      const proof = {
        id: randomUUID(),
        sandboxId: null,
        egressId: null,
        cause: 'test' as const,
        startedAt: at,
        finishedAt: at,
        verdict: 'green' as const,
        reason: null,
        exitAddress: '198.51.100.9',
        expectedAddress: null,
        seen: [{ source: 'echo.test', address: '198.51.100.9' }],
        resolver: '198.51.100.53',
        latencyMs: 12.5,
        checks: [{ name: 'connect' as const, result: 'pass' as const, detail: 'It answers.', ms: 12 }],
        keyId,
        ...over,
      };
      const signature = sign(null, Buffer.from(signedText(proof)), privateKey).toString('base64');
      return { ...proof, signature: over.signature ?? signature };
    },
  };
}

/** Answers one of its operations; false for any other. `gone` resolves when the caller has left. */
export async function answerEgress(
  egress: ScriptedEgress,
  asked: { op: string; input: Record<string, unknown> },
  to: {
    json(status: number, value: unknown): void;
    /** Lines of a stream operation; the last one ends it. */
    line(value: unknown, last: boolean): void;
    gone: Promise<void>;
  },
): Promise<boolean> {
  const { op, input } = asked;
  switch (op) {
    case 'egress.fetch': {
      const { url } = agentOps[op].input.parse(input);
      egress.asked.push(asked);
      if (egress.fail) return failed(egress, (error) => to.json(errorTable[error.code].http, error));
      const body = egress.documents.get(url);
      const status = body === undefined ? 404 : 200;
      to.json(200, { status, contentType: 'text/plain', userInfo: null, body: body ?? '' });
      return true;
    }
    case 'egress.test':
    case 'sandbox.prove': {
      const ids = op === 'egress.test' ? agentOps[op].input.parse(input) : null;
      egress.asked.push(asked);
      const check: AgentCheck = {
        type: 'check',
        stage: ids ? 'connect' : null,
        state: 'started',
        check: null,
        message: 'Connecting',
        at: new Date().toISOString(),
      };
      to.line(check, false);
      if (egress.hang) {
        await to.gone;
        egress.left();
        return true;
      }
      if (egress.fail) return failed(egress, (error) => to.line({ type: 'error', ...error }, true));
      to.line({ ...check, state: 'done', message: 'Connected' }, false);
      const of = ids ? { egressId: ids.egressId } : { sandboxId: String(input.id), cause: 'asked' as const };
      to.line({ type: 'result', value: egress.makeProof({ ...of, ...egress.next }) }, true);
      return true;
    }
    case 'sandbox.proofs': {
      const { id, after } = agentOps[op].input.parse(input);
      const from = after === null ? 0 : Date.parse(after);
      const kept = egress.kept.get(id) ?? [];
      to.json(
        200,
        kept.filter((it) => Date.parse(it.finishedAt) > from),
      );
      return true;
    }
    case 'wireguard.newKey': {
      const made = { keyId: randomBytes(8).toString('hex'), publicKey: randomBytes(32).toString('base64') };
      egress.keys.set(made.keyId, made.publicKey);
      to.json(200, made);
      return true;
    }
    case 'wireguard.removeKey':
      egress.keys.delete(String(input.keyId));
      to.json(200, {});
      return true;
    case 'sandbox.traffic': {
      const none = { cursor: 0, missed: 0, rxBytes: 0, txBytes: 0, open: [], ended: [], questions: [] };
      to.json(200, egress.traffic.get(String(input.id)) ?? none);
      return true;
    }
    default:
      return false;
  }
}

function failed(egress: ScriptedEgress, tell: (error: { code: ErrorCode; error: string }) => void): true {
  const { code, message } = egress.fail ?? { code: 'internal', message: '' };
  egress.fail = null;
  tell({ code, error: message });
  return true;
}
