import type { ImageInfo, Presets, WindowPreset } from '../data/types';

/** The image's own windows first, then those of its modality that differ from them. */
export function windowPresets(info: ImageInfo | null, presets: Presets | null): WindowPreset[] {
  const own = info?.windows ?? [];
  const modality = presets?.windows[info?.modality ?? ''] ?? [];
  const known = (w: WindowPreset) => own.some((o) => o.center === w.center && o.width === w.width);
  return [...own, ...modality.filter((w) => !known(w))];
}
