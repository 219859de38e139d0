/** What takes part in drawing the views beside the viewer itself. */
export interface ViewerPart {
  /** Views were made and show the image. */
  mounted(): void;
  /** The volume has come into the 3D view, or its look was put on anew. */
  solid?(): void;
  /** The window was put on the views. */
  windowed?(): void;
  /** Cameras of planes were put back: directions have to be put on again. */
  fitted?(): void;
  /** Slices of the opened image have arrived. */
  arrived?(complete: boolean): void;
  /** Everything of the opened image was let go. */
  forgotten?(): void;
}
