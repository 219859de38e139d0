import { useStore } from 'zustand';
import type { State } from '../state/model';
import { store } from '../state/store';

/** A part of the state, for components. */
export const useMedvox = <T>(select: (state: State) => T): T => useStore(store, select);
