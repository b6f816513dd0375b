'use client';

import { useMutation } from '@tanstack/react-query';
import {
  Download,
  Eye,
  EyeOff,
  FilePlus,
  FolderPlus,
  FolderUp,
  Package,
  Pencil,
  RefreshCw,
  SquarePen,
  Trash2,
  Upload as UploadIcon,
} from 'lucide-react';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { toast } from 'sonner';
import { type FileRoot, fileRoots } from '../../shared/file-limits';
import { isName, joinPath, parentOf, shownName } from '../../shared/file-names';
import type { FileEntry } from '../../shared/files';
import type { SandboxView } from '../../shared/views';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { Dialog, DialogActions } from '../ui/dialog';
import { Field, Input, Select } from '../ui/field';
import { Menu, MenuItem, MenuLine } from '../ui/menu';
import { EmptyState } from '../ui/panel';
import { PHONE, useMedia } from '../ui/use-media';
import { type FilePlace, fileUrl, startDownload } from './addresses';
import { chosenFiles, droppedFiles } from './dropped';
import { FileTree, type TreeActions } from './file-tree';
import { FileWindow } from './file-window';
import { SaveError, saveText } from './save-text';
import { UploadQueue } from './upload-queue';
import { Uploads } from './uploads';
import { useTree } from './use-tree';

const rootNames: Record<FileRoot, string> = {
  workspace: 'Workspace',
  home: 'Home',
  claude: 'Claude’s folder',
};

/** Files of a running sandbox: a tree, uploads, and a window over the page for what is opened. */
export function FilesPanel({ sandbox }: { sandbox: SandboxView }) {
  const live = sandbox.state === 'running' || sandbox.state === 'unavailable';
  if (!live)
    return (
      <EmptyState icon={FolderUp} title="The sandbox is not running">
        Start it to see its files.
      </EmptyState>
    );
  return <Files sandboxId={sandbox.id} />;
}

function Files({ sandboxId }: { sandboxId: string }) {
  const trpc = useTRPC();
  const phone = useMedia(PHONE);
  const [root, setRoot] = useState<FileRoot>('workspace');
  return <Rooted key={root} sandboxId={sandboxId} root={root} onRoot={setRoot} phone={phone} trpc={trpc} />;
}

function Rooted({
  sandboxId,
  root,
  onRoot,
  phone,
  trpc,
}: {
  sandboxId: string;
  root: FileRoot;
  onRoot(root: FileRoot): void;
  phone: boolean;
  trpc: ReturnType<typeof useTRPC>;
}) {
  const [hidden, setHidden] = useState(false);
  const tree = useTree(sandboxId, root, hidden);
  const [opened, setOpened] = useState<FilePlace | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const [removing, setRemoving] = useState<FileEntry | null>(null);
  const [making, setMaking] = useState<{ kind: 'file' | 'folder'; folder: string } | null>(null);
  const place = (path: string): FilePlace => ({ sandboxId, root, path });

  const refresh = useRef(tree.refresh);
  refresh.current = tree.refresh;
  const [queue] = useState(() => new UploadQueue((it) => refresh.current(parentOf(it.path))));
  useEffect(() => () => queue.close(), [queue]);
  const uploads = useSyncExternalStore(queue.subscribe, queue.uploads, queue.uploads);
  const into = useRef('');
  const [fileInput, folderInput] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const choose = (folder: string, input: typeof fileInput) => {
    into.current = folder;
    input.current?.click();
  };

  const rename = useMutation(
    trpc.files.rename.mutationOptions({
      onSuccess: (_done, { from, to }) => {
        tree.refresh(parentOf(from));
        tree.refresh(parentOf(to));
      },
    }),
  );
  const remove = useMutation(
    trpc.files.remove.mutationOptions({
      onSuccess: (_done, { path }) => {
        tree.toggle(path, false);
        tree.refresh(parentOf(path));
        setRemoving(null);
      },
    }),
  );

  const actions: TreeActions = {
    open: (entry) => {
      if (!entry.broken && entry.kind !== 'other') setOpened(place(entry.path));
      else
        toast.error(
          entry.broken ? 'This link leads out of the folder, or nowhere.' : 'This is no plain file.',
        );
    },
    rename: (entry, name) => {
      // With a slash it is a move, from the root of the tree.
      const to = name.includes('/') ? name.replace(/^\/+/, '') : joinPath(parentOf(entry.path), name);
      if (!to.split('/').every(isName)) toast.error('This name cannot be used.');
      else rename.mutate({ sandboxId, root, from: entry.path, to });
    },
    remove: setRemoving,
    drop: (folder, data) =>
      void droppedFiles(data).then((files) => {
        if (files.length > 0) queue.add(place(folder), files);
      }),
    menu: (entry) => (
      <>
        {entry.is_dir ? (
          <>
            <MenuItem icon={FilePlus} onSelect={() => setMaking({ kind: 'file', folder: entry.path })}>
              New file
            </MenuItem>
            <MenuItem icon={FolderPlus} onSelect={() => setMaking({ kind: 'folder', folder: entry.path })}>
              New folder
            </MenuItem>
            <MenuItem icon={UploadIcon} onSelect={() => choose(entry.path, fileInput)}>
              Upload files
            </MenuItem>
            <MenuLine />
          </>
        ) : (
          <>
            <MenuItem icon={SquarePen} onSelect={() => actions.open(entry)}>
              Open
            </MenuItem>
            <MenuItem icon={Download} onSelect={() => startDownload(fileUrl('download', place(entry.path)))}>
              Download
            </MenuItem>
          </>
        )}
        <MenuItem icon={Package} onSelect={() => startDownload(fileUrl('archive', place(entry.path)))}>
          Download as .tar.gz
        </MenuItem>
        {/* After the menu has given the focus back, or the field would lose it at once. */}
        <MenuItem icon={Pencil} hint="F2" onSelect={() => setTimeout(() => setRenaming(entry.path))}>
          Rename or move
        </MenuItem>
        <MenuLine />
        <MenuItem icon={Trash2} danger hint="Del" onSelect={() => setRemoving(entry)}>
          Delete…
        </MenuItem>
      </>
    ),
  };

  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex shrink-0 flex-wrap items-center gap-1 border-b p-2">
        <Select
          aria-label="Folder"
          value={root}
          onChange={(event) => onRoot(fileRoots.find((it) => it === event.target.value) ?? 'workspace')}
          className="min-w-28 flex-1"
        >
          {fileRoots.map((it) => (
            <option key={it} value={it}>
              {rootNames[it]}
            </option>
          ))}
        </Select>
        <Menu
          trigger={
            <Button size="icon" look="ghost" aria-label="New or upload" title="New or upload">
              <FilePlus />
            </Button>
          }
        >
          <MenuItem icon={FilePlus} onSelect={() => setMaking({ kind: 'file', folder: '' })}>
            New file
          </MenuItem>
          <MenuItem icon={FolderPlus} onSelect={() => setMaking({ kind: 'folder', folder: '' })}>
            New folder
          </MenuItem>
          <MenuLine />
          <MenuItem icon={UploadIcon} onSelect={() => choose('', fileInput)}>
            Upload files
          </MenuItem>
          <MenuItem icon={FolderUp} onSelect={() => choose('', folderInput)}>
            Upload a folder
          </MenuItem>
          <MenuLine />
          <MenuItem icon={Package} onSelect={() => startDownload(fileUrl('archive', place('')))}>
            Download all as .tar.gz
          </MenuItem>
        </Menu>
        <Button
          look="ghost"
          size="icon"
          aria-label="Show hidden files"
          title={hidden ? 'Hide hidden files' : 'Show hidden files'}
          aria-pressed={hidden}
          onClick={() => setHidden(!hidden)}
        >
          {hidden ? <Eye /> : <EyeOff />}
        </Button>
        <Button look="ghost" size="icon" aria-label="Refresh" title="Refresh" onClick={() => tree.refresh()}>
          <RefreshCw />
        </Button>
        <input
          ref={fileInput}
          type="file"
          multiple
          hidden
          aria-label="Files to upload"
          onChange={(event) => takeChosen(event.target)}
        />
        <input
          ref={folderInput}
          type="file"
          multiple
          hidden
          aria-label="Folder to upload"
          {...{ webkitdirectory: '' }}
          onChange={(event) => takeChosen(event.target)}
        />
      </div>
      {tree.error ? (
        <LoadError error={tree.error} retry={() => tree.refresh()} busy={false} />
      ) : (
        <FileTree
          tree={tree}
          label={`Files in ${rootNames[root]}`}
          phone={phone}
          renaming={renaming}
          onRenaming={setRenaming}
          actions={actions}
        />
      )}
      <Uploads queue={queue} uploads={uploads} />
      {opened && (
        <FileWindow
          place={opened}
          onClose={() => {
            setOpened(null);
            tree.refresh(parentOf(opened.path));
          }}
        />
      )}
      {making && (
        <MakeDialog
          {...making}
          place={place}
          onClose={() => setMaking(null)}
          onMade={(path) => {
            if (making.folder !== '') tree.toggle(making.folder, true);
            tree.refresh(making.folder);
            if (making.kind === 'file') setOpened(place(path));
          }}
        />
      )}
      <Confirm
        open={removing !== null}
        onOpenChange={() => setRemoving(null)}
        title={`Delete “${shownName(removing?.name ?? '')}”?`}
        description={
          removing?.kind === 'folder'
            ? 'The folder goes with everything in it. This cannot be undone.'
            : 'This cannot be undone.'
        }
        action="Delete"
        busy={remove.isPending}
        onConfirm={() =>
          removing &&
          remove.mutate({ sandboxId, root, path: removing.path, recursive: removing.kind === 'folder' })
        }
      />
    </div>
  );

  function takeChosen(input: HTMLInputElement) {
    const files = chosenFiles(input.files);
    if (files.length > 0) queue.add(place(into.current), files);
    input.value = '';
  }
}

function MakeDialog({
  kind,
  folder,
  place,
  onClose,
  onMade,
}: {
  kind: 'file' | 'folder';
  folder: string;
  place(path: string): FilePlace;
  onClose(): void;
  onMade(path: string): void;
}) {
  const trpc = useTRPC();
  const [name, setName] = useState('');
  const [error, setError] = useState<string | null>(null);
  const makeFolder = useMutation(trpc.files.makeFolder.mutationOptions({ meta: { quiet: true } }));
  async function make() {
    const path = joinPath(folder, name.trim());
    if (!path.split('/').every(isName)) return setError('This name cannot be used.');
    try {
      if (kind === 'file') await saveText(place(path), '', 'new');
      else await makeFolder.mutateAsync({ ...place(path), parents: false });
      onMade(path);
      onClose();
    } catch (thrown) {
      setError(
        thrown instanceof SaveError || thrown instanceof Error ? thrown.message : 'Something went wrong.',
      );
    }
  }
  return (
    <Dialog
      open
      onOpenChange={onClose}
      title={kind === 'file' ? 'New file' : 'New folder'}
      description={folder === '' ? undefined : `In ${shownName(folder)}`}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Field label="Name" error={error}>
          {(control) => (
            <Input
              {...control}
              value={name}
              onChange={(event) => setName(event.target.value)}
              autoComplete="off"
              spellCheck={false}
              autoCapitalize="off"
            />
          )}
        </Field>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={name.trim() === ''} busy={makeFolder.isPending}>
            Create
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
