/** What was dropped or chosen, folders with all that is in them. */

export interface Incoming {
  file: File;
  /** From the folder it was dropped on: `photos/2026/a.jpg`. */
  path: string;
}

/** So many at once is a mistake, or work for git or rsync. */
export const INCOMING_MAX_FILES = 5_000;

function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  return new Promise((resolve, reject) => {
    // Browsers give at most 100 at a time and an empty list at the end.
    const more = () =>
      reader.readEntries((some) => {
        if (some.length === 0) return resolve(all);
        all.push(...some);
        more();
      }, reject);
    more();
  });
}

async function gather(entry: FileSystemEntry, folder: string, into: Incoming[]): Promise<void> {
  if (into.length >= INCOMING_MAX_FILES) return;
  const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => {
      // The DOM has no narrowing for it: isFile says so.
      (entry as FileSystemFileEntry).file(resolve, reject);
    });
    into.push({ file, path });
  } else if (entry.isDirectory) {
    for (const child of await entriesOf(entry as FileSystemDirectoryEntry)) await gather(child, path, into);
  }
}

/** Must be called within the drop event: the list is empty afterwards. */
export async function droppedFiles(data: DataTransfer): Promise<Incoming[]> {
  const entries = [...data.items].map((it) => it.webkitGetAsEntry()).filter((it) => it !== null);
  const found: Incoming[] = [];
  for (const entry of entries) await gather(entry, '', found);
  return found;
}

/** Of an input; one that takes folders says where each file was. */
export function chosenFiles(list: FileList | null): Incoming[] {
  return [...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}
