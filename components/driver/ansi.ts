import Anser from 'anser';

/** Text of a terminal, cut where its look changes. */
export interface Piece {
  text: string;
  className: string;
  /** CSS colours for what no class can say: the 256 and the 16 million. */
  color?: string | undefined;
  background?: string | undefined;
}

const ESC = '\u001b';
const BEL = '\u0007';
/** Every escape sequence but colours, which end in `m` (ECMA-48 section 5.4). */
const NOT_A_COLOUR = new RegExp(
  [
    String.raw`\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\)?`,
    String.raw`[PX^_][^${ESC}]*(?:${ESC}\\)?`,
    String.raw`\[[0-?]*[ -/]*[@-ln-~]`,
    '[()#][0-9A-Za-z]',
    '[=>78cDEHMNOZ]',
  ]
    .map((it) => ESC + it)
    .join('|'),
  'g',
);
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal does not show
const NOT_SHOWN = /[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;

/** What is left on the screen of a program that draws over its own lines, such as a progress bar. */
function overwritten(text: string): string {
  return text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .join('\n');
}

export function ansiPieces(text: string): Piece[] {
  const clean = overwritten(text.replace(NOT_A_COLOUR, '')).replace(NOT_SHOWN, '');
  if (!clean.includes('\x1b')) return clean === '' ? [] : [{ text: clean, className: '' }];
  return Anser.ansiToJson(clean, { json: true, use_classes: true, remove_empty: true }).map((it) => {
    const fg = look(it.fg, it.fg_truecolor);
    const bg = look(it.bg, it.bg_truecolor);
    const classes = [fg.className, bg.className === '' ? '' : `${bg.className}-bg`];
    for (const decoration of it.decorations) classes.push(`ansi-${decoration}`);
    return {
      text: it.content,
      className: classes.filter((each) => each !== '').join(' '),
      color: fg.color,
      background: bg.color,
    };
  });
}

/** Without colours, as for copying. */
export function plainText(text: string): string {
  return ansiPieces(text)
    .map((it) => it.text)
    .join('');
}

function look(name: string | null, truecolor: string | null): { className: string; color?: string } {
  if (!name) return { className: '' };
  if (name === 'ansi-truecolor') return { className: '', color: `rgb(${truecolor ?? '0, 0, 0'})` };
  const index = /^ansi-palette-(\d+)$/.exec(name)?.[1];
  return index === undefined ? { className: name } : { className: '', color: paletteColour(Number(index)) };
}

/** xterm's 256 colours: a cube of six steps from 16 on, 24 greys from 232 on. */
function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const step = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const at = index - 16;
  return `rgb(${step(Math.floor(at / 36))}, ${step(Math.floor(at / 6) % 6)}, ${step(at % 6)})`;
}
