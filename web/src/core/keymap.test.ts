import { describe, expect, it } from 'vitest';
import { COMMANDS, commandOf, keyName, keyOf, keyText, withKey } from './keymap';

const press = (key: string, more = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  shiftKey: false,
  altKey: false,
  ...more,
});

describe('keymap', () => {
  it('gives every command a key of its own', () => {
    const keys = COMMANDS.map(({ key }) => key).filter(Boolean);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('names keys', () => {
    expect(keyName(press('L', { shiftKey: true }))).toBe('Shift+l');
    expect(keyName(press('?', { shiftKey: true }))).toBe('?');
    expect(keyName(press('z', { metaKey: true }))).toBe('Ctrl+z');
    expect(keyName(press('Shift', { shiftKey: true }))).toBe('');
    expect(keyText('Ctrl+Shift+z')).toBe('Ctrl + Shift + Z');
    expect(keyText('+')).toBe('+');
  });

  it('takes a key away from the command that had it', () => {
    const own = withKey({}, 'invert', 'f');
    expect(commandOf(press('f'), own)).toBe('invert');
    expect(commandOf(press('i'), own)).toBeNull();
    expect(keyOf('fit', own)).toBe('');
  });
});
