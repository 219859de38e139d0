/** A view as it is on the screen, with notes and texts, as a picture. */
import type { Viewer } from '../../render/viewer';
import type { ViewName } from '../../state/model';
import { getState } from '../../state/store';

/** Null where the view is not on the screen. */
export async function pictureOf(viewer: Viewer, view: ViewName): Promise<HTMLCanvasElement | null> {
  const viewport = viewer.viewport(view);
  const element = viewport?.element;
  if (!viewport || !element) return null;
  const { clientWidth: width, clientHeight: height } = element;
  const ratio = Math.max(1, Math.min(2, viewport.canvas.width / width));
  const out = document.createElement('canvas');
  [out.width, out.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const context = out.getContext('2d')!;
  context.scale(ratio, ratio);
  context.fillStyle = '#000';
  context.fillRect(0, 0, width, height);
  context.drawImage(viewport.canvas, 0, 0, width, height);
  for (const svg of element.querySelectorAll<SVGElement>('.segments-layer, .notes-layer')) {
    await drawLayer(context, svg, width, height);
  }
  drawTexts(context, element);
  return out;
}

async function drawLayer(
  context: CanvasRenderingContext2D,
  svg: SVGElement,
  width: number,
  height: number,
): Promise<void> {
  const copy = svg.cloneNode(true) as SVGElement;
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  for (const text of copy.querySelectorAll('text')) {
    text.setAttribute('font', '13px sans-serif');
    text.setAttribute('font-family', 'system-ui, sans-serif');
    text.setAttribute('font-size', '13');
    text.setAttribute('paint-order', 'stroke');
    text.setAttribute('stroke', '#000');
    text.setAttribute('stroke-width', '3');
  }
  const source = new XMLSerializer().serializeToString(copy);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  context.drawImage(image, 0, 0, width, height);
}

/** The texts that stand over the view; nothing that is hidden on the screen. */
function drawTexts(context: CanvasRenderingContext2D, element: HTMLElement): void {
  const overlay = element.parentElement?.querySelector('.overlay');
  if (!overlay || !getState().showOverlay) return;
  const origin = element.getBoundingClientRect();
  for (const item of overlay.querySelectorAll<HTMLElement>('p, .letter')) {
    const style = getComputedStyle(item);
    const box = item.getBoundingClientRect();
    context.font = `${style.fontWeight} ${style.fontSize} sans-serif`;
    context.textBaseline = 'middle';
    context.lineWidth = 3;
    context.strokeStyle = '#000';
    context.fillStyle = style.color;
    const right = style.textAlign === 'right';
    context.textAlign = right ? 'right' : 'left';
    const x = (right ? box.right : box.left) - origin.left;
    const y = box.top + box.height / 2 - origin.top;
    context.strokeText(item.innerText, x, y);
    context.fillText(item.innerText, x, y);
  }
}

export const pngOf = (canvas: HTMLCanvasElement): Promise<Blob> => blobOf(canvas, 'image/png');

export async function jpegOf(canvas: HTMLCanvasElement): Promise<Uint8Array> {
  return new Uint8Array(await (await blobOf(canvas, 'image/jpeg')).arrayBuffer());
}

function blobOf(canvas: HTMLCanvasElement, type: string): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error('The picture could not be made.'))),
      type,
      0.92,
    );
  });
}
