'use client';

import type { SandboxLimits } from '../../shared/agent-api';
import { SANDBOX_CPUS, SANDBOX_DISK_GB, SANDBOX_MEMORY_MB, SANDBOX_PIDS } from '../../shared/limits';
import { Field, Input } from '../ui/field';

export const defaultLimits: SandboxLimits = {
  cpus: SANDBOX_CPUS.default,
  memoryMb: SANDBOX_MEMORY_MB.default,
  pids: SANDBOX_PIDS.default,
  diskGb: null,
};

/** What stands in the boxes: text, so that a half-typed number is not fought. */
export type LimitsText = Record<keyof SandboxLimits, string>;

export function limitsText(limits: SandboxLimits): LimitsText {
  return {
    cpus: String(limits.cpus),
    memoryMb: String(limits.memoryMb),
    pids: String(limits.pids),
    diskGb: limits.diskGb === null ? '' : String(limits.diskGb),
  };
}

const bounds = {
  cpus: SANDBOX_CPUS,
  memoryMb: SANDBOX_MEMORY_MB,
  pids: SANDBOX_PIDS,
  diskGb: SANDBOX_DISK_GB,
};

/** The sentence that is wrong with a box, or null. Only the disk may be empty. */
export function limitProblem(name: keyof SandboxLimits, text: string): string | null {
  if (name === 'diskGb' && text.trim() === '') return null;
  const value = Number(text);
  const { min, max } = bounds[name];
  if (text.trim() === '' || !Number.isFinite(value)) return 'Enter a number.';
  if (value < min || value > max) return `Between ${min} and ${max.toLocaleString('en')}.`;
  if (name !== 'cpus' && !Number.isInteger(value)) return 'Enter a whole number.';
  return null;
}

export function parseLimits(text: LimitsText): SandboxLimits | null {
  const names = ['cpus', 'memoryMb', 'pids', 'diskGb'] as const;
  if (names.some((it) => limitProblem(it, text[it]) !== null)) return null;
  return {
    cpus: Number(text.cpus),
    memoryMb: Number(text.memoryMb),
    pids: Number(text.pids),
    diskGb: text.diskGb.trim() === '' ? null : Number(text.diskGb),
  };
}

const faces = [
  { name: 'cpus', label: 'CPUs', hint: 'Fractions are fine', step: '0.25' },
  { name: 'memoryMb', label: 'Memory (MB)', hint: '4096 is 4 GB', step: '256' },
  { name: 'pids', label: 'Processes', hint: 'Threads count too', step: '128' },
  { name: 'diskGb', label: 'Disk (GB)', hint: 'Empty: not limited', step: '1' },
] as const;

export function LimitsFields({ value, onChange }: { value: LimitsText; onChange(value: LimitsText): void }) {
  return (
    <div className="grid grid-cols-2 gap-x-3 gap-y-4">
      {faces.map(({ name, label, hint, step }) => (
        <Field key={name} label={label} hint={hint} error={limitProblem(name, value[name])}>
          {(control) => (
            <Input
              {...control}
              type="number"
              inputMode="decimal"
              step={step}
              min={bounds[name].min}
              max={bounds[name].max}
              value={value[name]}
              onChange={(event) => onChange({ ...value, [name]: event.target.value })}
              className="tabular"
            />
          )}
        </Field>
      ))}
    </div>
  );
}
