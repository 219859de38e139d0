"""Maximum intensity projections of a PET from the front and from the left, dark where it is active."""

from sample_data import scans

import medvox as mv
from medvox.core.volume import Window
from medvox.rendering.look import Look
from medvox.rendering.render import RenderRequest, render

volume = mv.scan(scans()).volume("PET").load()
top = float(volume.values().max())
look = Look(Window(top / 4, top / 2), inverted=True)  # half of the highest activity is black
for plane in ("coronal", "sagittal"):
    picture = render(volume, RenderRequest(mode="mip", plane=plane, look=look))
    picture.save(f"mip-{plane}.png")
    print(plane, picture.size, f"up to {top:.0f} {volume.unit}")
