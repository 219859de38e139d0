/** The one store. Components and adapters read it and change it through `change`. */
import { createStore } from 'zustand/vanilla';
import { errorBody } from '../data/api';
import { INITIAL, type State } from './model';
import { addError } from './reducers';

export const store = createStore<State>()(() => INITIAL);

export const getState = (): State => store.getState();

/** Applies a pure change: `change(setSlice, 12)`. */
export function change<A extends unknown[]>(
  reducer: (state: State, ...args: A) => Partial<State>,
  ...args: A
): void {
  store.setState((state) => reducer(state, ...args));
}

export const patch = (part: Partial<State>): void => store.setState(part);

/** Tells the user of a failure. */
export function report(error: unknown, where: string): void {
  change(addError, errorBody(error, where));
}

/** Calls back when the selected part changes; returns the function that ends it. */
export function watch<T>(select: (state: State) => T, onChange: (value: T) => void): () => void {
  let previous = select(store.getState());
  return store.subscribe((state) => {
    const value = select(state);
    if (Object.is(value, previous)) return;
    previous = value;
    onChange(value);
  });
}
