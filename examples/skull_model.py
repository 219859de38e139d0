"""A CT head as a closed, light skull model: its error against the voxels, a picture and a turntable."""

from pathlib import Path

from sample_data import scans

import medvox as mv
from medvox.rendering.movie import film, turntable
from medvox.rendering.scene import Camera
from medvox.rendering.world.world import SurfacePart, World, render_world
from medvox.surfaces.checking import check_print
from medvox.surfaces.model import ModelOptions, volume_model
from medvox.workflows.models import write_models
from medvox.workflows.movies import write_movie

ct = mv.scan(scans()).volume("CT")
model = volume_model(ct, 300, ModelOptions(reduction=0.9, smallest_mm3=50))
write_models([model], Path("skull.stl"), Path("skull.json"))

told = model.report
assert told.distance is not None
print(f"voxels {told.voxel_volume_mm3 / 1000:.2f} ml, model {told.volume_mm3 / 1000:.2f} ml")
print(f"mean distance {told.distance.mean_mm:.2f} mm, largest {told.distance.hausdorff_mm:.2f} mm")
print("closed:", told.is_closed, " open edges:", check_print(model.mesh, samples=200).open_edges)

world = World([SurfacePart(model.mesh)])
render_world(world, Camera(30, 10), (400, 400)).save("skull.png")
frames = film(lambda camera: render_world(world, camera, (160, 160)), turntable(8))
write_movie(frames, Path("skull.gif"), 8)
