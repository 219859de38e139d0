/** A field over the picture for the words of an arrow or a text. */
import type { Vec2 } from '../../core/vector';

export function askWords(parent: HTMLElement, [x, y]: Vec2, done: (text: string) => void): void {
  const field = document.createElement('input');
  field.className = 'note-words';
  field.setAttribute('aria-label', 'Text of the annotation');
  field.maxLength = 500;
  field.style.left = `${Math.min(Math.max(x, 4), parent.clientWidth - 180)}px`;
  field.style.top = `${Math.min(Math.max(y - 14, 4), parent.clientHeight - 32)}px`;
  let open = true;
  const close = (text: string) => {
    if (!open) return;
    open = false;
    field.remove();
    done(text.trim());
  };
  field.addEventListener('keydown', (event) => {
    event.stopPropagation();
    if (event.key === 'Enter') close(field.value);
    if (event.key === 'Escape') close('');
  });
  for (const name of ['pointerdown', 'mousedown', 'dblclick', 'wheel']) {
    field.addEventListener(name, (event) => event.stopPropagation());
  }
  field.addEventListener('blur', () => close(field.value));
  parent.append(field);
  // After the press that asked for it has taken the focus.
  setTimeout(() => field.focus(), 0);
}
