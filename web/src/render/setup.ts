/** Starting Cornerstone3D once, for what this browser can do. */
import { cache, init, RenderingEngine, setUseCPURendering } from '@cornerstonejs/core';
import type { Capabilities } from '../state/model';
import { registerImages } from './images';

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Decoded slices live in the grid store; this only has to be more than any of them. */
export const CACHE_BYTES = 8e9;
/** Slices of an image that is too large for the grid store are kept by Cornerstone3D, so many bytes of them. */
export const LARGE_CACHE_BYTES = 512e6;

export function detectCapabilities(): Capabilities {
  const none = { webgl2: false, software: false, renderer: '', maxTexture3d: 0 };
  const gl = document.createElement('canvas').getContext('webgl2');
  if (!gl) return none;
  const debug = gl.getExtension('WEBGL_debug_renderer_info');
  const renderer = String(gl.getParameter(debug ? debug.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const maxTexture3d = Number(gl.getParameter(gl.MAX_3D_TEXTURE_SIZE));
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  return { webgl2: true, software: SOFTWARE.test(renderer), renderer, maxTexture3d };
}

export function startRendering(capabilities: Capabilities): RenderingEngine {
  init();
  if (!capabilities.webgl2) setUseCPURendering(true);
  cache.setMaxCacheSize(CACHE_BYTES);
  registerImages();
  return new RenderingEngine('medvox');
}
