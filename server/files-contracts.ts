/** Files and ports of a sandbox, as the edges see them; the others stand in contracts.ts. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import type {
  FileList,
  FileStat,
  FileText,
  filePlaceSchema,
  fileRenameSchema,
  fileWriteSchema,
} from '../shared/files';
import type { PortMapping, PortMappings, PortView } from '../shared/ports';
import type { Identity } from './contracts';

type Place = z.output<typeof filePlaceSchema> & { sandboxId: string };

export interface FileBytes {
  /** Closed by its reader; ends short of `length` when the file shrinks meanwhile. */
  stream: IncomingMessage;
  /** Bytes of the whole file, and of this part of it. */
  size: number;
  length: number;
  etag: string;
  modified: string;
}

export interface FileConditions {
  /** Only if the file is still this one; throws `conflict`. */
  ifMatch?: string | undefined;
  /** Only if nothing of this name is there; throws `name_taken`. */
  create?: boolean | undefined;
}

export interface FilesServices {
  /** As the sandbox's user, below its roots. Who may use the sandbox may use its files. */
  files: {
    roots(identity: Identity, sandboxId: string): Promise<{ roots: { name: string; path: string }[] }>;
    list(
      identity: Identity,
      input: Place & { from: number; limit: number; hidden: boolean },
    ): Promise<FileList>;
    stat(identity: Identity, input: Place): Promise<FileStat>;
    /** Text for an editor, at most FILE_TEXT_MAX_BYTES of it. */
    read(identity: Identity, input: Place): Promise<FileText>;
    /** The whole file or nothing. */
    write(
      identity: Identity,
      input: z.output<typeof fileWriteSchema> & { sandboxId: string } & FileConditions,
    ): Promise<{ etag: string; created: boolean }>;
    makeFolder(identity: Identity, input: Place & { parents: boolean }): Promise<void>;
    /** Never over something that is there. */
    rename(
      identity: Identity,
      input: z.output<typeof fileRenameSchema> & { sandboxId: string },
    ): Promise<void>;
    remove(identity: Identity, input: Place & { recursive: boolean }): Promise<void>;
    /** `range`: first and last byte. */
    download(
      identity: Identity,
      input: Place & { range?: { start: number; end: number } | undefined; signal: AbortSignal },
    ): Promise<FileBytes>;
    /** A .tar.gz of a folder or a file. */
    archive(identity: Identity, input: Place & { signal: AbortSignal }): Promise<IncomingMessage>;
    upload(
      identity: Identity,
      input: Place &
        FileConditions & { parents: boolean; body: Readable; bytes: number; signal: AbortSignal },
    ): Promise<{ etag: string; created: boolean }>;
    /** Paths of folders that have changed, '' for the root; null is a heartbeat. */
    watch(
      identity: Identity,
      input: { sandboxId: string; root: string; paths: readonly string[] },
      signal: AbortSignal,
    ): AsyncGenerator<string | null>;
  };
  ports: {
    /** What programs of the sandbox listen on now; our own ports are left out. */
    list(identity: Identity, sandboxId: string): Promise<PortView[]>;
    /** Of one sandbox, or of all that the caller may use. */
    mappings(identity: Identity, filter: { sandboxId?: string | undefined }): Promise<PortMappings>;
    /**
     * Makes a port of this machine lead to one of the sandbox's loopback. The same again gives the one that is there.
     * Throws `unavailable` where nothing can be mapped, `limit_reached` when no port of the range is free.
     */
    expose(
      identity: Identity,
      input: { sandboxId: string; internalPort: number },
    ): Promise<{ mapping: PortMapping; created: boolean }>;
    /** What goes through it is cut at once. Throws `not_found`. */
    unexpose(identity: Identity, hostPort: number): Promise<void>;
  };
}
