/** A few workers that fetch and decode blocks of slices. */
import { newValues, type ValueName, type Values } from '../core/shuffle';
import { ApiError } from './api';
import type { DecodeAnswer, DecodeRequest } from './decode.worker';

export type FetchValues = (url: string, type: ValueName) => Promise<Values>;

const WORKERS = 2;

/** Returns a function that fetches and decodes one block in one of the workers. */
export function createDecoder(): FetchValues {
  const waiting = new Map<number, (answer: DecodeAnswer) => void>();
  const workers = Array.from({ length: WORKERS }, () => {
    const worker = new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = (event: MessageEvent<DecodeAnswer>) => {
      waiting.get(event.data.id)?.(event.data);
      waiting.delete(event.data.id);
    };
    return worker;
  });
  let count = 0;
  return (url, type) =>
    new Promise((resolve, reject) => {
      const id = count++;
      waiting.set(id, (answer) => {
        if (answer.error) reject(new ApiError(answer.error, answer.status));
        else resolve(viewOf(answer.bytes, type));
      });
      workers[id % WORKERS]!.postMessage({ id, url, type } satisfies DecodeRequest);
    });
}

function viewOf(bytes: ArrayBuffer, type: ValueName): Values {
  const Values = newValues(type, 0).constructor as new (buffer: ArrayBuffer) => Values;
  return new Values(bytes);
}
