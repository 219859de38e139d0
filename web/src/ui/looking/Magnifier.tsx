import { useEffect, useRef } from 'react';
import { useMedvox } from '../useMedvox';

const SIZE = 190;
const TIMES = 3;

/** A round glass under the pointer that shows the view three times as large. */
export default function Magnifier() {
  const shown = useMedvox((s) => s.look.magnifier);
  const glass = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    if (!shown) return;
    const move = (event: MouseEvent) => {
      const canvas = glass.current!;
      const view = (event.target as Element | null)
        ?.closest('.pane')
        ?.querySelector('[data-view], [data-pane]');
      const source = view?.querySelector('canvas');
      canvas.hidden = !source;
      if (!source) return;
      const box = source.getBoundingClientRect();
      const stage = canvas.parentElement!.getBoundingClientRect();
      canvas.style.left = `${event.clientX - stage.left - SIZE / 2}px`;
      canvas.style.top = `${event.clientY - stage.top - SIZE / 2}px`;
      const scale = source.width / box.width;
      const side = (SIZE / TIMES) * scale;
      const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
      const context = canvas.getContext('2d')!;
      context.fillRect(0, 0, SIZE, SIZE);
      context.drawImage(source, x - side / 2, y - side / 2, side, side, 0, 0, SIZE, SIZE);
    };
    globalThis.addEventListener('mousemove', move);
    return () => globalThis.removeEventListener('mousemove', move);
  }, [shown]);

  if (!shown) return null;
  return (
    <canvas ref={glass} className="magnifier" data-magnifier width={SIZE} height={SIZE} hidden />
  );
}
