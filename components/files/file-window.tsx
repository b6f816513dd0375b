'use client';

import { useQuery } from '@tanstack/react-query';
import { Download, FileQuestion, Save, X } from 'lucide-react';
import dynamic from 'next/dynamic';
import { Dialog as Primitive } from 'radix-ui';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { toast } from 'sonner';
import '../driver/driver.css';
import { FILE_TEXT_MAX_BYTES } from '../../shared/file-limits';
import { baseOf, shownName } from '../../shared/file-names';
import type { FileText } from '../../shared/files';
import { LoadError } from '../api/load-state';
import { useTRPC } from '../api/trpc';
import { Markdown } from '../driver/markdown';
import { Button } from '../ui/button';
import { Confirm } from '../ui/confirm';
import { cx } from '../ui/cx';
import { EmptyState, Skeleton } from '../ui/panel';
import { bytes } from '../ui/time';
import { type FilePlace, fileUrl, isMarkdown, isPicture, startDownload } from './addresses';
import { SaveError, saveText } from './save-text';

/** CodeMirror is large: it comes when a text is about to be shown. */
const TextEditor = dynamic(() => import('./text-editor').then((it) => it.TextEditor), {
  ssr: false,
  loading: () => <div className="h-full bg-terminal" />,
});

/** One file, over the page: its text in an editor, a picture, or what can be said of it. */
export function FileWindow({ place, onClose }: { place: FilePlace; onClose(): void }) {
  const [dirty, setDirty] = useState(false);
  const [asking, setAsking] = useState(false);
  const name = shownName(baseOf(place.path));
  const close = () => (dirty ? setAsking(true) : onClose());
  useEffect(() => {
    if (!dirty) return;
    const stay = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', stay);
    return () => window.removeEventListener('beforeunload', stay);
  }, [dirty]);
  return (
    <Primitive.Root open onOpenChange={close}>
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-fade bg-shade" />
        <Primitive.Content
          aria-describedby={undefined}
          onInteractOutside={(event) => event.preventDefault()}
          onEscapeKeyDown={(event) => {
            // Escape also closes the editor's own search field.
            if (event.target instanceof Element && event.target.closest('.cm-editor')) event.preventDefault();
          }}
          className="fixed inset-0 z-50 flex animate-fade flex-col overflow-hidden bg-surface shadow-float focus-visible:outline-none sm:inset-6 sm:rounded-xl sm:border lg:inset-x-16"
        >
          <Primitive.Title className="sr-only">{name}</Primitive.Title>
          {isPicture(place.path) ? (
            <PictureView place={place} onClose={close} />
          ) : (
            <TextView place={place} dirty={dirty} onDirty={setDirty} onClose={close} />
          )}
        </Primitive.Content>
      </Primitive.Portal>
      <Confirm
        open={asking}
        onOpenChange={() => setAsking(false)}
        title="Close without saving?"
        description={`What you changed in “${name}” is lost.`}
        action="Close without saving"
        onConfirm={onClose}
      />
    </Primitive.Root>
  );
}

function Head({
  place,
  dirty,
  children,
  onClose,
}: {
  place: FilePlace;
  dirty?: boolean;
  children?: ReactNode;
  onClose(): void;
}) {
  return (
    <header className="flex shrink-0 items-center gap-2 border-b px-3 py-2">
      <div className="flex min-w-0 flex-1 items-center gap-2">
        <span className="truncate font-medium text-sm" title={shownName(`${place.root}/${place.path}`)}>
          {shownName(baseOf(place.path))}
        </span>
        {dirty && (
          <span className="flex shrink-0 items-center gap-1 text-warn text-xs">
            <span className="size-1.5 rounded-full bg-warn" aria-hidden /> not saved
          </span>
        )}
      </div>
      {children}
      <Button
        look="ghost"
        size="icon"
        aria-label="Download"
        title="Download"
        onClick={() => startDownload(fileUrl('download', place))}
      >
        <Download />
      </Button>
      <Button look="ghost" size="icon" aria-label="Close" title="Close" onClick={onClose}>
        <X />
      </Button>
    </header>
  );
}

function PictureView({ place, onClose }: { place: FilePlace; onClose(): void }) {
  const [failed, setFailed] = useState(false);
  return (
    <>
      <Head place={place} onClose={onClose} />
      <div className="grid min-h-0 flex-1 place-items-center overflow-auto bg-sunken p-4">
        {failed ? (
          <EmptyState icon={FileQuestion} title="This is no picture that can be shown">
            Download it to look at it with another program.
          </EmptyState>
        ) : (
          // biome-ignore lint/performance/noImgElement: it is a file of the sandbox, of unknown size
          <img
            src={fileUrl('download', place, { inline: '1' })}
            alt={shownName(baseOf(place.path))}
            onError={() => setFailed(true)}
            className="max-h-full max-w-full rounded object-contain"
          />
        )}
      </div>
    </>
  );
}

interface Opened {
  text: FileText;
  etag: string;
  /** Counts up when the editor has to begin again. */
  version: number;
}

function TextView({
  place,
  dirty,
  onDirty,
  onClose,
}: {
  place: FilePlace;
  dirty: boolean;
  onDirty(dirty: boolean): void;
  onClose(): void;
}) {
  const trpc = useTRPC();
  const name = baseOf(place.path);
  const query = useQuery(
    trpc.files.read.queryOptions(place, {
      gcTime: 0,
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
    }),
  );
  const [opened, setOpened] = useState<Opened | null>(null);
  const [preview, setPreview] = useState(isMarkdown(place.path));
  const [conflict, setConflict] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const read = useRef<(() => string) | null>(null);
  useEffect(() => {
    if (!query.data) return;
    setOpened((before) => ({ text: query.data, etag: query.data.etag, version: (before?.version ?? 0) + 1 }));
    read.current = null;
  }, [query.data]);

  const save = useCallback(
    async (anyway = false) => {
      if (!opened || saving || !(dirty || anyway)) return;
      const content = read.current?.() ?? opened.text.content;
      const reader = read.current;
      setSaving(true);
      try {
        const etag = await saveText(place, content, anyway ? 'anyway' : { etag: opened.etag });
        setOpened({ ...opened, etag });
        setConflict(null);
        // What was typed while it was on its way is still to be saved.
        if (read.current === reader && (reader?.() ?? content) === content) onDirty(false);
        toast.success('Saved');
      } catch (error) {
        if (error instanceof SaveError && error.code === 'conflict') setConflict(error.message);
        else toast.error('Not saved', { description: error instanceof Error ? error.message : undefined });
      } finally {
        setSaving(false);
      }
    },
    [opened, saving, dirty, place, onDirty],
  );

  if (query.isError && !query.data)
    return (
      <>
        <Head place={place} onClose={onClose} />
        <div className="grid flex-1 place-items-center">
          <LoadError error={query.error} retry={() => void query.refetch()} busy={query.isFetching} />
        </div>
      </>
    );
  if (!opened)
    return (
      <>
        <Head place={place} onClose={onClose} />
        <div role="status" aria-label="Loading the file" className="grid gap-2 p-4">
          <Skeleton className="h-4 w-2/3" />
          <Skeleton className="h-4 w-1/2" />
        </div>
      </>
    );
  const { text } = opened;
  if (text.binary)
    return (
      <>
        <Head place={place} onClose={onClose} />
        <EmptyState
          icon={FileQuestion}
          title="This file is not text"
          action={
            <Button onClick={() => startDownload(fileUrl('download', place))}>
              <Download /> Download {bytes(text.size)}
            </Button>
          }
        >
          It holds bytes that no text has, so it is neither shown nor edited here.
        </EmptyState>
      </>
    );
  const readOnly = text.truncated || !text.writable;
  return (
    <>
      <Head place={place} dirty={dirty} onClose={onClose}>
        {isMarkdown(place.path) && (
          // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a legend and a form's look
          <div role="group" aria-label="How to show it" className="flex rounded-md bg-sunken p-0.5">
            {[true, false].map((it) => (
              <button
                key={String(it)}
                type="button"
                aria-pressed={preview === it}
                onClick={() => setPreview(it)}
                className={cx(
                  'h-6 rounded px-2 text-xs',
                  preview === it ? 'bg-raised font-medium shadow-lift' : 'text-ink-soft',
                )}
              >
                {it ? 'Preview' : 'Edit'}
              </button>
            ))}
          </div>
        )}
        {!readOnly && (
          <Button
            size="sm"
            look="primary"
            disabled={!dirty}
            busy={saving}
            onClick={() => void save()}
            title="Save (Ctrl S)"
          >
            <Save /> Save
          </Button>
        )}
      </Head>
      {conflict !== null && (
        <div
          role="alert"
          className="flex flex-wrap items-center gap-2 border-b bg-warn-soft px-3 py-2 text-sm text-warn"
        >
          <span className="min-w-0 flex-1">{conflict} Yours is not saved yet.</span>
          <Button
            size="sm"
            onClick={() => {
              setConflict(null);
              onDirty(false);
              void query.refetch();
            }}
          >
            Load theirs
          </Button>
          <Button size="sm" look="danger" onClick={() => void save(true)}>
            Keep mine
          </Button>
        </div>
      )}
      {readOnly && (
        <p className="border-b bg-sunken px-3 py-1.5 text-ink-soft text-xs">
          {text.truncated
            ? `Too large to edit here (${bytes(text.size)}): the first ${FILE_TEXT_MAX_BYTES / 1024 / 1024} MB are shown.`
            : 'The sandbox’s user may not write this file.'}
        </p>
      )}
      <div className={cx('min-h-0 flex-1', preview && 'hidden')}>
        <TextEditor
          key={opened.version}
          name={name}
          text={text.content}
          readOnly={readOnly}
          label={`Text of ${shownName(name)}`}
          onChange={(reader) => {
            read.current = reader;
            onDirty(true);
          }}
          onSave={() => void save()}
        />
      </div>
      {preview && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        <div tabIndex={0} className="min-h-0 flex-1 overflow-auto px-5 py-4 focus-visible:-outline-offset-2">
          <div className="mx-auto max-w-3xl">
            <Markdown text={read.current?.() ?? text.content} />
          </div>
        </div>
      )}
    </>
  );
}
