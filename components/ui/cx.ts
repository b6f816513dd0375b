import { type ClassValue, clsx } from 'clsx';
import { extendTailwindMerge } from 'tailwind-merge';

/** `text-2xs` is ours; without this it would be taken for a colour. */
const merge = extendTailwindMerge({ extend: { classGroups: { 'font-size': [{ text: ['2xs'] }] } } });

/** Joins class names; of two that set the same property the later wins. */
export function cx(...values: ClassValue[]): string {
  return merge(clsx(values));
}
