import { expect, it } from 'vitest';
import { makePdf } from './pdf';

it('points at each of its objects', () => {
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  const page = { title: 'a (b) \\ ≥ 漢', lines: ['mean 1'], jpeg, width: 2, height: 1 };
  const text = String.fromCharCode(...makePdf([page, page], 'title'));
  const start = Number(/startxref\n(\d+)/.exec(text)?.[1]);
  const offsets = [...text.slice(start).matchAll(/(\d{10}) 00000 n/g)].map(([, n]) => Number(n));
  expect(offsets.map((at, n) => text.startsWith(`${n + 1} 0 obj`, at))).toEqual(
    Array(10).fill(true),
  );
  expect(text).toContain('(a \\(b\\) \\\\ >= ?)');
});
