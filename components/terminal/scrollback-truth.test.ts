import { beforeEach, describe, expect, test } from 'vitest';
import { ScrollbackTruth } from './scrollback-truth';

const ROWS = 24;
let truth: ScrollbackTruth;
const scroll = (lines: number) => {
  for (let at = 0; at < lines; at++) truth.scrolled(ROWS);
};
const place = (row: number) => truth.placed(row, ROWS);
const rest = (row: number) => truth.rested(row, ROWS);

beforeEach(() => {
  truth = new ScrollbackTruth();
  truth.restart();
  scroll(2_000);
  place(0);
  rest(ROWS - 1);
});

describe('ScrollbackTruth', () => {
  test('history and the first screen are the truth', () => {
    expect(truth.dirty).toBe(false);
  });

  test('a line now and then, or a few at once, is seen in full', () => {
    for (let at = 0; at < 100; at++) {
      place(ROWS - 1);
      scroll(1);
      rest(ROWS - 1);
    }
    scroll(5);
    place(ROWS - 6);
    expect(truth.dirty).toBe(false);
  });

  test('a redraw of the upper rows after a scroll is not', () => {
    scroll(1);
    place(0);
    expect(truth.dirty).toBe(true);
  });

  test('a program that draws at the top without scrolling loses nothing', () => {
    place(0);
    place(5);
    rest(5);
    expect(truth.dirty).toBe(false);
  });

  test('many scrolls in one go are doubtful by themselves; an attach makes good', () => {
    scroll(ROWS);
    expect(truth.dirty).toBe(true);
    truth.restart();
    expect(truth.dirty).toBe(false);
  });

  test('what was printed from the upper half on and scrolled may be lost', () => {
    place(1);
    rest(1);
    scroll(1);
    expect(truth.dirty).toBe(true);
  });
});
