import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeOf, createLoginOutput } from './output';

const URL_TEXT =
  'https://claude.com/cai/oauth/authorize?code=true&client_id=9d1c250a-e61b-44d9-88ed-5944d1962f5e&response_type=code&redirect_uri=https%3A%2F%2Fplatform.claude.com%2Foauth%2Fcode%2Fcallback&scope=org%3Acreate_api_key+user%3Aprofile&code_challenge=abc_DEF-123&code_challenge_method=S256&state=xyz_-789';
const SAID = `Opening browser to sign in…\nIf the browser didn't open, visit: ${URL_TEXT}\n\nPaste code here if prompted > `;

/** At any places, also inside characters: as bytes come. */
function chunks(text: string, cuts: number[]): string[] {
  const bytes = Buffer.from(text);
  const places = [...new Set(cuts.map((it) => it % (bytes.length + 1)))].sort((a, b) => a - b);
  const decoder = new TextDecoder();
  return [0, ...places].map((from, index) =>
    decoder.decode(bytes.subarray(from, places[index] ?? bytes.length), { stream: true }),
  );
}

test('the address is found whole, however the output is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 60 }), (cuts) => {
      const output = createLoginOutput();
      for (const chunk of chunks(SAID, cuts)) {
        output.push(chunk);
        expect([null, URL_TEXT]).toContain(output.url);
      }
      expect(output.url).toBe(URL_TEXT);
    }),
  );
});

test('the address is found however it is wrapped and coloured', () => {
  const breaks = fc.constantFrom('\n', '\r\n', '\n  ', '\r\r\n');
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 200 }),
      breaks,
      fc.array(fc.nat(), { maxLength: 20 }),
      (width, end, cuts) => {
        const wrapped = URL_TEXT.match(new RegExp(`.{1,${width}}`, 'g'))?.join(end) ?? '';
        const colour = `\u001b[1;34m${wrapped}\u001b[0m\u001b]8;;\u0007`;
        // The beginning must be on one line for it to be known as an address.
        fc.pre(width >= 41);
        const output = createLoginOutput();
        for (const chunk of chunks(SAID.replace(URL_TEXT, colour), cuts)) output.push(chunk);
        expect(output.url).toBe(URL_TEXT);
      },
    ),
  );
});

test('nothing is taken for the address before it is whole', () => {
  for (let length = 0; length < SAID.length - 'here if prompted > '.length - 1; length += 1) {
    const output = createLoginOutput();
    output.push(SAID.slice(0, length));
    expect(output.url).toBeNull();
  }
});

test('an address that is not Anthropic’s is none', () => {
  for (const host of [
    'claude.com.example.org',
    'notclaude.com',
    'example.org/claude.com',
    'claude.com@example.org',
  ]) {
    const output = createLoginOutput();
    output.push(SAID.replace('claude.com/cai', `${host}/cai`));
    expect(output.url).toBeNull();
  }
});

test('what was said last is told; a code that is not whole is counted', () => {
  const output = createLoginOutput();
  output.push(`${SAID}That doesn't look like the full code. Copy all of it.\nPaste code here if prompted > `);
  expect(output.incomplete).toBe(1);
  output.push('Login failed: Request failed with status code 400\n');
  expect(output.message).toBe('Login failed: Request failed with status code 400');
});

test.each([
  ['abc#def', 'abc#def'],
  ['  abc-1_2\n#de\r\nf ', 'abc-1_2#def'],
  ['abc', null],
  ['abc#', null],
  ['#def', null],
  ['a#b#c', null],
  ['a\u0003#b', null],
  ['a;rm -rf#b', null],
])('code %j', (text, code) => {
  expect(codeOf(text)).toBe(code);
});
