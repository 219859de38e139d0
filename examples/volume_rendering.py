"""A CT in 3D as PNG, from three sides; without a display and without a graphics card."""

from sample_data import scans

import medvox as mv
from medvox.rendering.raycast import render_volume
from medvox.rendering.scene import Camera, Scene

scene = Scene.of(mv.scan(scans()).volume("CT"))  # made once, looked at often
for name, camera in {"front": Camera(), "oblique": Camera(35, 15), "back": Camera(180)}.items():
    picture = render_volume(scene, "ct-bone", camera, (300, 400))
    picture.save(f"bone-{name}.png")
    print(name, picture.size)
