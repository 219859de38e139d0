"""One axial slice of a CT in a bone window, as PNG (with letters where there is room) and as numbers."""

from sample_data import scans

import medvox as mv
from medvox.core.volume import Window
from medvox.rendering.look import Look
from medvox.rendering.render import RenderRequest, render
from medvox.rendering.window import to_gray

volume = mv.scan(scans()).volume("CT")
bone = Window(center=400, width=1800, name="bone")

middle = float(volume.grid.corners_mm()[:, 2].mean())
roomy = min(volume.grid.shape[1:]) >= 256
picture = render(
    volume, RenderRequest("slice", "axial", position_mm=middle, look=Look(bone), annotated=roomy)
)
picture.save("slice.png")
print(picture.label, picture.size, "left and right edge:", picture.letters[:2])

gray = to_gray(volume.slice_values(volume.grid.shape[0] // 2), bone)  # (row, column) uint8
print("white pixels:", int((gray == 255).sum()))
