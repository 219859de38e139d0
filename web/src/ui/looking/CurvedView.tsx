import { ActionIcon } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { pathLength } from '../../core/curve';
import { formatLength } from '../../core/format';
import { setLook } from '../../state/look';
import { change, patch } from '../../state/store';
import { shownCurve } from '../../tools/measuring';
import { useMedvox } from '../useMedvox';

/** On each side of the path. */
const HALF_MM = 40;

/** The image along the drawn path, stretched out. */
export default function CurvedView() {
  const curve = useMedvox((s) => s.look.curve);
  const window = useMedvox((s) => s.window);
  const invert = useMedvox((s) => s.invert);
  const time = useMedvox((s) => s.time);
  const loaded = useMedvox((s) => s.loading.fraction >= 1);
  const unit = useMedvox((s) => s.info?.value.unit ?? '');
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = useRef<ReturnType<typeof shownCurve>>(null);
  const [size, setSize] = useState('');

  // biome-ignore lint/correctness/useExhaustiveDependencies: time and loading change the values
  useEffect(() => {
    picture.current = shownCurve(HALF_MM);
    const { width = 1, height = 1 } = picture.current ?? {};
    setSize(`${width} ${height} ${curve?.points.length} ${time} ${loaded}`);
  }, [curve, time, loaded]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew with each picture
  useEffect(() => {
    const found = picture.current;
    const element = canvas.current;
    if (!element || !window) return;
    element.width = found?.width ?? 1;
    element.height = found?.height ?? 1;
    if (!found) return;
    const context = element.getContext('2d')!;
    const image = context.createImageData(found.width, found.height);
    const low = window.center - window.width / 2;
    found.values.forEach((value, n) => {
      if (Number.isNaN(value)) return;
      const share = (value - low) / window.width;
      const gray = 255 * (invert ? 1 - share : share);
      image.data.set([gray, gray, gray], n * 4);
      image.data[n * 4 + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  }, [size, window, invert]);

  if (!curve) return null;
  const length = pathLength(curve.points);
  const drawn = curve.points.length >= 2;
  return (
    <div className="curved" data-curved={curve.points.length} data-size={size}>
      <canvas
        ref={canvas}
        aria-label="Curved reformat"
        onMouseMove={(event) => {
          const found = picture.current;
          const box = event.currentTarget.getBoundingClientRect();
          if (!found) return;
          // The picture is fitted into the canvas' box.
          const fit = Math.min(box.width / found.width, box.height / found.height);
          const x = (event.clientX - box.left - (box.width - found.width * fit) / 2) / fit;
          const y = (event.clientY - box.top - (box.height - found.height * fit) / 2) / fit;
          const [column, row] = [Math.floor(x), Math.floor(y)];
          const inside = column >= 0 && row >= 0 && column < found.width && row < found.height;
          const value = inside ? found.values[row * found.width + column]! : Number.NaN;
          event.currentTarget.title = Number.isNaN(value) ? '' : `${value.toPrecision(5)} ${unit}`;
        }}
      />
      <p className="overlay" style={{ position: 'absolute' }}>
        {drawn
          ? `Curved reformat, ${formatLength(length)}`
          : 'Click points in a plane: the image along them shows here'}
      </p>
      <ActionIcon
        size="sm"
        variant="subtle"
        color="gray"
        aria-label="Close curved reformat"
        onClick={() => {
          change(setLook, { curve: null });
          patch({ tool: 'window' });
        }}
      >
        <IconX size={14} />
      </ActionIcon>
    </div>
  );
}
