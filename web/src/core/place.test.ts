import { describe, expect, it } from 'vitest';
import { decodePlace, encodePlace, samePlace } from './place';

describe('place', () => {
  it.each([
    { page: 'studies', study: null },
    { page: 'remote', study: null },
    { page: 'status', study: null },
    { page: 'viewer', study: '1.2.840.1' },
  ] as const)('comes back as it was written: %j', (place) => {
    expect(decodePlace(encodePlace(place))).toEqual(place);
    expect(samePlace(decodePlace(encodePlace(place)), place)).toBe(true);
  });

  it.each(['', '#', '#page=viewer', '#page=nonsense', '#image=x'])('is the list for %s', (hash) => {
    expect(decodePlace(hash)).toEqual({ page: 'studies', study: null });
  });

  it('finds the study beside the view state', () => {
    expect(decodePlace('#study=1.2.3&image=x&layout=mpr').study).toBe('1.2.3');
  });
});
