/** Types of the plain Node modules here, as far as TypeScript (the tests) uses them. */
declare module '*/backoff.mjs' {
  export class Backoff {
    next(ranMs: number): number;
  }
}
declare module '*/complete-lock.mjs' {
  export interface LockFile {
    packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
  }
  export function completeLock(lock: LockFile): string[];
}
declare module '*/data-dir.mjs' {
  export function openDataDir(dataDir: string): string;
  export function layDataDir(dataDir: string, owner: { uid: number; gid: number }): void;
  export function agentSocket(dataDir: string, instance: string): string;
  export function runningLauncher(dataDir: string): { pid: number; url?: string } | null;
  export function writeLauncher(dataDir: string, facts: Record<string, unknown>): void;
}
declare module '*/host-plan.mjs' {
  type Version = [number, number];
  export function missingPackages(options: {
    has(name: string): boolean;
    purposes: string[];
    optional?: boolean;
  }): string[];
  export function goVersion(text: string): Version | null;
  export function isNewEnough(version: Version | null, minimum: Version): boolean;
  export function commandBlock(options: {
    packages: string[];
    singBox: boolean;
    startDocker: boolean;
    dockerGroup: boolean;
  }): string[];
}
declare module '*/image-inputs.mjs' {
  interface ImagePackage {
    file: string;
    name: string;
    version: string;
    integrity: string;
  }
  export function packagesFor(pins: unknown, arch: string): ImagePackage[];
  export function contentHash(options: {
    imageDir: string;
    /** Bundled programs by name. */
    programs: Record<string, string>;
    packages: ImagePackage[];
    base: string;
  }): string;
}
declare module '*/install.mjs' {
  export function isInstalled(lock: unknown, record: string): boolean;
}
declare module '*/run.mjs' {
  export class CommandError extends Error {
    code: number;
    output: string;
  }
  export function run(
    file: string,
    args: string[],
    options?: { input?: string; timeoutMs?: number },
  ): Promise<{ code: number; stdout: string; output: string }>;
}
declare module '*/slow-first.mjs' {
  export const slowFiles: string[];
  export const SlowFirst: typeof import('vitest/node').BaseSequencer;
}
declare module '*/stamp.mjs' {
  export function hashInputs(root: string, paths: string[], extra?: string): string;
  export function unlessDone(
    step: { root: string; name: string; hash: string; outputs: string[] },
    work: () => Promise<void>,
  ): Promise<boolean>;
}
declare module '*/sing-box.mjs' {
  export function knownSum(text: string, file: string): string | null;
  export function unpackRelease(options: {
    folder: string;
    log(text: string): void;
    arch?: string;
    sums?: string;
    from?: string;
    answerMs?: number;
  }): Promise<string | null>;
}
declare module '*/start-options.mjs' {
  export const SETTINGS: string[];
  export function startOptions(options: { env: Record<string, string>; argv: string[]; cwd: string }): {
    dev: boolean;
    dataDir: string;
    host: string;
    port: number | null;
    agentMode: string;
    agentSocket: string | null;
    headless: boolean;
  };
  export function banner(facts: {
    url: string;
    firstAdmin?: { username: string; password?: string };
    dataDir: string;
  }): string;
}
declare module '*/supervise.mjs' {
  export function readyFacts(line: string): Record<string, unknown> | null;
  export class Supervised<Facts = { pid: number }> {
    constructor(
      name: string,
      options: {
        command: string[];
        env: NodeJS.ProcessEnv;
        log(text: string): void;
        onReady?(facts: Facts): void;
      },
    );
    start(): Promise<Facts>;
    stop(): Promise<void>;
  }
}
declare module '*/test-counts.mjs' {
  interface Counts {
    passed: number;
    failed: number;
    skipped: number;
  }
  export function countReport(report: unknown): Counts;
  export function addCounts(list: Counts[]): Counts;
  export function summaryLine(counts: Counts): string;
}
