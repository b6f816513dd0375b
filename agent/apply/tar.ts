/** One regular file to put into a container by Docker's archive upload. */
export interface TarFile {
  /** Without a slash: the archive is unpacked in its folder. */
  name: string;
  mode: number;
  data: Buffer;
}

const BLOCK = 512;

/**
 * A ustar archive (POSIX.1-1988 header, 512-byte blocks, two empty blocks at the end) of root-owned files.
 *
 *   0 name[100] | 100 mode[8] | 108 uid[8] | 116 gid[8] | 124 size[12] | 136 mtime[12] | 148 checksum[8]
 *   156 type | 257 "ustar\0" | 263 "00"        numbers are octal text
 */
export function tar(files: readonly TarFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const file of files) {
    const header = Buffer.alloc(BLOCK);
    header.write(file.name, 0, 100, 'utf8');
    header.write(`${octal(file.mode, 7)}\0`, 100);
    header.write(`${octal(0, 7)}\0`, 108);
    header.write(`${octal(0, 7)}\0`, 116);
    header.write(`${octal(file.data.length, 11)}\0`, 124);
    header.write(`${octal(0, 11)}\0`, 136);
    // The checksum is taken with its own field as spaces.
    header.write('        ', 148);
    header.write('0', 156);
    header.write('ustar\0', 257);
    header.write('00', 263);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${octal(sum, 6)}\0 `, 148);
    parts.push(header, file.data, Buffer.alloc((BLOCK - (file.data.length % BLOCK)) % BLOCK));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
