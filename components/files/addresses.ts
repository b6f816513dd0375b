/** Files of a sandbox in the browser: addresses, and what a name says about what can be done with it. */

import type { FileRoot } from '../../shared/file-limits';
import { baseOf } from '../../shared/file-names';

export interface FilePlace {
  sandboxId: string;
  root: FileRoot;
  path: string;
}

export function fileUrl(
  operation: 'download' | 'archive' | 'upload' | 'write' | 'watch',
  { sandboxId, root, path }: FilePlace,
  more: Record<string, string> = {},
): string {
  return `/api/sandboxes/${sandboxId}/fs/${operation}?${new URLSearchParams({ root, path, ...more })}`;
}

const pictures = /\.(png|jpe?g|gif|webp|avif|bmp|ico|svg)$/i;

export function isPicture(path: string): boolean {
  return pictures.test(baseOf(path));
}

export function isMarkdown(path: string): boolean {
  return /\.(md|markdown|mdx)$/i.test(baseOf(path));
}

/** By the browser, as a file and never as a page. */
export function startDownload(url: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  link.click();
}
