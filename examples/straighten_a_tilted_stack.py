"""A head CT with tilted gantry: the stored grid keeps every slice in its place, a regular copy serves 3D."""

import numpy as np

from medvox import Grid
from medvox.processing.resample import regular_copy
from medvox.rendering.render import RenderRequest, render
from medvox.simulation.anatomy import paint_patient
from medvox.simulation.ct import simulate_ct

affine = np.array([[0, 0, 4.0, -90], [-1.1, 4.0, 0, -60], [4.0, 0, 0, 620], [0, 0, 0, 1]])
tilted = simulate_ct(paint_patient(Grid((48, 48, 45), affine)))
print(tilted.grid)
print("fit for 3D as it is:", tilted.grid.is_regular)

regular = regular_copy(tilted)
print(regular.grid)
print(regular.findings[-1].text)

point = tilted.grid.to_patient((24, 20, 22))  # the same place in both
copied = regular.values()[tuple(np.rint(regular.grid.to_voxel(point)).astype(int))]
print(f"stored {tilted.values()[24, 20, 22]} HU, copy {copied} HU")
render(regular, RenderRequest(mode="slice", plane="sagittal", annotated=False)).save("straightened.png")
