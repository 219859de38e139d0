/** PET values as standardized uptake. */
import { shownUnit } from './format';

interface Value {
  unit: string;
  suv_factor: number | null;
}

/** What values are multiplied with before they are shown, and the unit of the result. */
export function displayScale({ unit, suv_factor: factor }: Value): {
  factor: number;
  unit: string;
} {
  return factor ? { factor, unit: 'SUVbw' } : { factor: 1, unit: shownUnit(unit) };
}
