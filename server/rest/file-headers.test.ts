import { expect, test } from 'vitest';
import { disposition, hasTag, pictureType, rangeOf, tagOf } from './file-headers';

test.each([
  [undefined, null],
  ['bytes=0-4', { start: 0, end: 4 }],
  ['bytes=5-', { start: 5, end: 9 }],
  ['bytes=-3', { start: 7, end: 9 }],
  ['bytes=-99', { start: 0, end: 9 }],
  ['bytes=8-99', { start: 8, end: 9 }],
  ['bytes=10-', 'none'],
  ['bytes=-0', 'none'],
  ['bytes=4-2', null],
  ['bytes=0-1,3-4', null],
  ['lines=1-2', null],
  ['bytes=99999999999999999999-', null],
])('the range %s of ten bytes', (header, expected) => {
  expect(rangeOf(header, 10)).toEqual(expected);
});

test('a name never ends its header', () => {
  const header = disposition('attachment', 'a"\r\nset-cookie: x=1\u202e;.txt');
  expect(header).not.toMatch(/[\r\n\u202e]/);
  expect(header).toBe(
    `attachment; filename="a__x0d_x0aset-cookie_ x_1_u202e_.txt"; filename*=UTF-8''a%22%5Cx0d%5Cx0aset-cookie%3A%20x%3D1%5Cu202e%3B.txt`,
  );
  expect(disposition('inline', 'ä(1).png')).toContain("UTF-8''%C3%A4%281%29.png");
});

test('only pictures are shown, by their names', () => {
  expect(['a.PNG', 'x.svg', 'x.html', 'x.png.html', 'png', '__proto__.constructor'].map(pictureType)).toEqual(
    [...['image/png', 'image/svg+xml', null, null, null, null]],
  );
});

test('tags', () => {
  expect([hasTag('"a", W/"b"', 'b'), hasTag('*', 'x'), hasTag('"a"', 'b'), hasTag(undefined, 'a')]).toEqual([
    ...[true, true, false, false],
  ]);
  expect([tagOf('"a-1"'), tagOf('*'), tagOf('"a" , "b"')]).toEqual(['a-1', undefined, undefined]);
});
