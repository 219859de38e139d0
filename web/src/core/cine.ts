/** Time: frame rates and the order in which parts of an image are worth loading. */

/** Frames per second: the stated rate, else the median step of the frame times, else 10. */
export function defaultFrameRate(rate: number | null, times: number[] | null): number {
  if (rate && rate > 0) return Math.min(rate, 60);
  const steps = (times ?? [])
    .slice(1)
    .map((t, n) => t - times![n]!)
    .filter((step) => step > 0);
  if (steps.length === 0) return 10;
  steps.sort((a, b) => a - b);
  // Dynamic series take seconds a frame: show them as a film, not in real time.
  return Math.min(Math.max(1 / steps[Math.floor(steps.length / 2)]!, 5), 60);
}

/** 0..count-1 from `start` outward: start, start+1, start-1, ... */
export function outward(count: number, start: number): number[] {
  const order: number[] = [];
  for (let step = 0; order.length < count; step++) {
    if (start + step < count && start + step >= 0) order.push(start + step);
    if (step > 0 && start - step >= 0 && start - step < count) order.push(start - step);
    if (step > count + Math.abs(start)) break;
  }
  return order;
}

/** 0..count-1 from `start` forward, then round to the beginning. */
export const forward = (count: number, start: number): number[] =>
  Array.from({ length: count }, (_, n) => (start + n) % count);
