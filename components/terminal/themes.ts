import type { ITheme } from '@xterm/xterm';
import type { Preferences } from '../../shared/views';

type ThemeName = Exclude<Preferences['terminalTheme'], 'auto'>;

/** ANSI colours in their order: black, red, green, yellow, blue, magenta, cyan, white; then the bright ones. */
function palette(normal: readonly string[], bright: readonly string[]): ITheme {
  const [black, red, green, yellow, blue, magenta, cyan, white] = normal;
  const [
    brightBlack,
    brightRed,
    brightGreen,
    brightYellow,
    brightBlue,
    brightMagenta,
    brightCyan,
    brightWhite,
  ] = bright;
  return Object.fromEntries(
    Object.entries({
      black,
      red,
      green,
      yellow,
      blue,
      magenta,
      cyan,
      white,
      brightBlack,
      brightRed,
      brightGreen,
      brightYellow,
      brightBlue,
      brightMagenta,
      brightCyan,
      brightWhite,
    }).filter(([, colour]) => colour !== undefined),
  );
}

const solarized = palette(
  ['#073642', '#dc322f', '#859900', '#b58900', '#268bd2', '#d33682', '#2aa198', '#eee8d5'],
  ['#586e75', '#cb4b16', '#93a1a1', '#657b83', '#839496', '#6c71c4', '#93a1a1', '#fdf6e3'],
);

export const terminalThemes: Record<ThemeName, ITheme> = {
  midnight: {
    background: '#0d1014',
    foreground: '#e3e1da',
    cursor: '#7cc4f5',
    cursorAccent: '#0d1014',
    selectionBackground: '#2d4a66aa',
    ...palette(
      ['#1d2229', '#f0787a', '#7fcf9a', '#e6c26a', '#7cb7f0', '#cfa0ec', '#6fcfcf', '#d5d3cb'],
      ['#6f7782', '#ff9a98', '#a2e6b6', '#f5da92', '#a5d0fa', '#e2c1f7', '#9be6e4', '#f7f5ee'],
    ),
  },
  paper: {
    background: '#fbfaf7',
    foreground: '#2a2723',
    cursor: '#1c5f9e',
    cursorAccent: '#fbfaf7',
    selectionBackground: '#b9d6f099',
    ...palette(
      ['#2a2723', '#b3261e', '#2b7140', '#8a5a00', '#1c5f9e', '#8b3a92', '#14696d', '#6b665e'],
      ['#57524a', '#c8372d', '#35834c', '#9c6a0a', '#2b73b8', '#a04da6', '#1d7d81', '#8b857b'],
    ),
  },
  'solarized-dark': {
    background: '#002b36',
    foreground: '#93a1a1',
    cursor: '#93a1a1',
    selectionBackground: '#0f4b5a',
    ...solarized,
    brightBlack: '#657b83',
  },
  'solarized-light': {
    background: '#fdf6e3',
    foreground: '#586e75',
    cursor: '#586e75',
    selectionBackground: '#e4dcc2',
    ...solarized,
    white: '#657b83',
    brightWhite: '#073642',
  },
  contrast: {
    background: '#000000',
    foreground: '#ffffff',
    cursor: '#ffff00',
    cursorAccent: '#000000',
    selectionBackground: '#0060c0',
    ...palette(
      ['#000000', '#ff6b6b', '#5cff5c', '#ffff5c', '#6fb7ff', '#ff8cff', '#5cffff', '#ffffff'],
      ['#a0a0a0', '#ff9a9a', '#9aff9a', '#ffff9a', '#a5d2ff', '#ffb8ff', '#9affff', '#ffffff'],
    ),
  },
};

/** `auto` follows the app. */
export function terminalTheme(name: Preferences['terminalTheme'], dark: boolean): ITheme {
  return terminalThemes[name === 'auto' ? (dark ? 'midnight' : 'paper') : name];
}
