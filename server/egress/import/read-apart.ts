import { Worker, type WorkerOptions } from 'node:worker_threads';
import { AppError } from '../../../shared/errors';
import { type ImportResult, importEgresses } from './import';

/** Links and .conf files. The slowest text of this length that was found (a chain of YAML tags) takes some 30 ms. */
export const IN_PLACE_MAX_CHARS = 4_000;
/**
 * The largest honest list (IMPORT_TEXT_MAX_CHARS of YAML) takes 1 s; a text that is made to be slow takes minutes, as
 * the YAML parser has quadratic corners that no look at size, depth or aliases beforehand finds.
 */
const READ_MS = 10_000;
/** An honest list of IMPORT_TEXT_MAX_CHARS of YAML needs some 150 MB while it is read. */
const MEMORY_MB = 512;

const TOO_SLOW = 'The text takes too long to read; import it in parts.';

/**
 * As `importEgresses`; a long text is read by a thread of its own, which is ended when it takes too long, so that no
 * text holds up the gateway. Throws AppError `canceled` when the signal fires.
 */
export async function readEgresses(
  text: string,
  { signal, limitMs = READ_MS }: { signal?: AbortSignal | undefined; limitMs?: number } = {},
): Promise<ImportResult> {
  if (text.length <= IN_PLACE_MAX_CHARS) return importEgresses(text);
  if (signal?.aborted) throw new AppError('canceled');
  const worker = startWorker({
    workerData: text,
    execArgv: [],
    // It needs none of the settings, which hold secrets.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  const over = new AbortController();
  const once = { once: true, signal: over.signal };
  try {
    return await new Promise<ImportResult>((resolve, reject) => {
      const tooMuch = () => resolve({ format: null, entries: [], problem: TOO_SLOW });
      // What importEgresses gives is plain data: structured cloning keeps its type.
      worker.once('message', (result: ImportResult) => resolve(result));
      worker.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooMuch() : reject(error),
      );
      worker.once('exit', (code) => reject(new Error(`the reader of an import ended with ${code}`)));
      signal?.addEventListener('abort', () => reject(new AppError('canceled')), once);
      AbortSignal.timeout(limitMs).addEventListener('abort', tooMuch, once);
    });
  } finally {
    over.abort();
    await worker.terminate();
  }
}

/** Bundled, the thread's program lies beside the gateway's (setup/build.mjs); from source tsx has to load it. */
function startWorker(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./import-worker.mjs', import.meta.url), options);
  }
  const source = JSON.stringify(new URL('./worker.ts', import.meta.url).href);
  const program = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${source}, ${source}))`;
  return new Worker(program, { ...options, eval: true });
}
