/** Fetches one block of slices and unshuffles it, off the page's thread. */
import { decodeValues, type ValueName } from '../core/shuffle';
import { ApiError, errorBody, send } from './api';
import type { ErrorBody } from './types';

export interface DecodeRequest {
  id: number;
  url: string;
  type: ValueName;
}

export type DecodeAnswer =
  | { id: number; bytes: ArrayBuffer; error?: undefined }
  | { id: number; error: ErrorBody; status: number };

async function decode({ url, type }: DecodeRequest): Promise<ArrayBuffer> {
  const response = await send(url);
  const shuffle = Number(response.headers.get('X-Medvox-Shuffle') ?? 0);
  const values = decodeValues(new Uint8Array(await response.arrayBuffer()), type, shuffle);
  return values.buffer as ArrayBuffer;
}

self.onmessage = async (event: MessageEvent<DecodeRequest>) => {
  const { id, url } = event.data;
  try {
    const bytes = await decode(event.data);
    self.postMessage({ id, bytes } satisfies DecodeAnswer, { transfer: [bytes] });
  } catch (error) {
    const status = error instanceof ApiError ? error.status : 0;
    self.postMessage({ id, error: errorBody(error, url), status } satisfies DecodeAnswer);
  }
};
