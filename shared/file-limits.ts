/** Roots and limits of files that the gateway, its pages and the helper in the sandbox agree on; without zod, as the helper does without. */

/** Folders that files are reached through; nothing outside of them is. `claude` is what the seed calls ~/.claude. */
export const fileRoots = ['workspace', 'home', 'claude'] as const;
export type FileRoot = (typeof fileRoots)[number];

/** One text for the editor and for `read` and `write`: what a browser edits with ease, bytes. */
export const FILE_TEXT_MAX_BYTES = 4 * 1024 * 1024;
/** The JSON of a text: a control character of one byte is written with six. */
export const FILE_TEXT_BODY_MAX_BYTES = 6 * FILE_TEXT_MAX_BYTES + 64 * 1024;
/** One uploaded file: more goes by git, rsync or several files; bytes. */
export const FILE_UPLOAD_MAX_BYTES = 8 * 1024 * 1024 * 1024;
/** Entries of one page of a folder. */
export const FILE_PAGE_ENTRIES = 500;
/** Names that are read of one folder; the rest is said to be there. */
export const FILE_FOLDER_MAX_ENTRIES = 200_000;
/** Folders that one reader watches: as many as a person has open in a tree. */
export const FILE_WATCH_MAX_FOLDERS = 64;

/** The longest silence of a watched folder: an empty event goes over it this often, ms. */
export const FILE_WATCH_HEARTBEAT_MS = 10_000;
