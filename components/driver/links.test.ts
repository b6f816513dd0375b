import { describe, expect, test } from 'vitest';
import { decoded, safeImage, safeLink, tellsTarget } from './links';

describe('links', () => {
  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    '//evil.example',
    '/admin',
    'java\nscript:alert(1)',
    'https://accounts.example@evil.example/',
    'vbscript:x',
    '',
  ])('%j is shown, not linked', (href) => expect(safeLink(href)).toBeNull());
  test('http and https are linked, and say where they lead', () => {
    const url = safeLink('https://example.com/a');
    expect(url?.href).toBe('https://example.com/a');
    expect(url && tellsTarget('example.com', url)).toBe(true);
    expect(url && tellsTarget('click here', url)).toBe(false);
  });
});

test('only pictures that are here already are shown', () => {
  expect(safeImage('data:image/png;base64,iVBORw0KGgo=')).not.toBeNull();
  for (const href of [
    'https://example.com/p.png',
    'data:image/svg+xml;base64,PHN2Zz4=',
    'data:text/html,x',
    'blob:x',
  ])
    expect(safeImage(href)).toBeNull();
});

test('character references are read', () => {
  expect(decoded('a &lt;b&gt; &amp;amp; &#39;&#x41; &nope; &#99999999;')).toBe(
    "a <b> &amp; 'A &nope; &#99999999;",
  );
});
