/** Files of a sandbox, as the gateway, its APIs and the pages see them. */
import { z } from 'zod';
import { fileRoots } from './file-limits';
import { partsOf } from './file-names';

export const fileRootSchema = z.enum(fileRoots);

export const filePathSchema = z
  .string()
  .max(4096)
  .refine((it) => partsOf(it) !== null, 'A path goes down from its root: no empty part, no ".", no "..".');

export const fileEntrySchema = z.object({
  name: z.string(),
  /** From the root. */
  path: z.string(),
  is_dir: z.boolean(),
  /** Bytes. */
  size: z.number(),
  /** As `ls -l` shows it. */
  mode: z.string(),
  mod_time: z.string(),
  kind: z.enum(['file', 'folder', 'link', 'other']),
  /** A symbolic link's text. `is_dir` and `size` are those of what it leads to. */
  link: z.string().optional(),
  /** It leads out of the root, or nowhere: cannot be opened. */
  broken: z.boolean().optional(),
});
export type FileEntry = z.output<typeof fileEntrySchema>;

export const fileListSchema = z.object({
  root: z.string(),
  path: z.string(),
  entries: z.array(fileEntrySchema),
  /** Of the whole folder, without hidden ones unless they were asked for. */
  total: z.number(),
  /** Ask again with `from` = this; null at the end. */
  next: z.number().nullable(),
  /** The folder has more names than are read. */
  truncated: z.boolean(),
});
export type FileList = z.output<typeof fileListSchema>;

export const fileTextSchema = z.object({
  root: z.string(),
  path: z.string(),
  content: z.string(),
  /** Only the beginning of it. */
  truncated: z.boolean(),
  size: z.number(),
  /** No UTF-8 text: `content` is empty. */
  binary: z.boolean(),
  /** Changes with every change of the file; give it back with `write`. */
  etag: z.string(),
  mod_time: z.string(),
  writable: z.boolean(),
});
export type FileText = z.output<typeof fileTextSchema>;

export const fileWriteSchema = z.object({
  root: fileRootSchema,
  path: filePathSchema,
  content: z.string(),
});

export const filePlaceSchema = z.object({ root: fileRootSchema, path: filePathSchema });

export const fileRenameSchema = z.object({
  root: fileRootSchema,
  from: filePathSchema,
  to: filePathSchema,
  /** Without it both are in `root`. */
  to_root: fileRootSchema.optional(),
});

export const fileStatSchema = fileEntrySchema.extend({ etag: z.string() });
export type FileStat = z.output<typeof fileStatSchema>;

/** A program that listens on a TCP port of its sandbox. */
export const listeningPortSchema = z.object({
  port: z.int().min(1).max(65_535),
  /** `loopback`: only the sandbox itself and the gateway reach it anyway; `any`: every address of the sandbox. */
  address: z.enum(['loopback', 'any']),
  /** Null: another user's, as root's. */
  process: z.string().nullable(),
  pid: z.int().nullable(),
});
export type ListeningPort = z.output<typeof listeningPortSchema>;
