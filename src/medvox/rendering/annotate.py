"""Text on pictures: labels, orientation letters and scale bars, in a small stroke font of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from medvox.rendering.picture import Bytes8, Picture

FloatArray = NDArray[np.float64]

_HEIGHT = 6
_ADVANCE = 5.6

# Strokes of a glyph, separated by spaces; each a run of x y digits: x 0..4, y 0 (top), 6 (baseline), 8
STROKES: Mapping[str, str] = MappingProxyType(
    dict(
        line.split(" ", 1)
        for line in """\
A 062046 1434
B 003041423303 334445360600
C 4130100105163645
D 00204244260600
E 40000646 0333
F 400006 0333
G 41301001051636454323
H 0006 4046 0343
I 2026 1030 1636
J 4045361605
K 0006 400346
L 000646
M 0600234046
N 06004640
O 103041453616050110
P 06003041423303
Q 103041453616050110 2446
R 06003041423303 2346
S 413010010213334445361605
T 0040 2026
U 000516364540
V 002640
W 0016233640
X 0046 4006
Y 002340 2326
Z 00400646
a 12324346 441405163645
b 0006 0312324345361605
c 4332120305163645
d 4046 4332120305163645
e 044443321203051646
f 40302126 1242
g 4247381807 4332120305163645
h 0006 0312324346
i 2226 2020
j 32372818 3030
k 0006 420446
l 102026
m 0602 03122326 23324346
n 0602 0312324346
o 123243453616050312
p 0208 0312324345361605
q 4248 4332120305163645
r 0206 03123243
s 4212031434453606
t 20253646 1242
u 0205163645 4246
v 022642
w 0216243642
x 0246 4206
y 0226 4218
z 02420646
0 103041453616050110
1 112026 1636
2 01103041420646
3 01103041423323 334445361605
4 36300444
5 40000312324345361605
6 413010010516364544331304
7 004016
8 13020110304142331304051636454433
9 051636454130100102133342
. 2626
, 2617
- 0343
– 0343
+ 0343 2145
: 2323 2626
/ 0640
% 0640 1010 3636
( 30212536
) 10212516
= 0242 0444
× 1335 3315
° 1020211110
_ 0747
' 2021
? 01103041422324 2626""".splitlines()
    )
)


@lru_cache(maxsize=512)
def _glyph(character: str, height: int) -> FloatArray:
    """Coverage 0..1 of a character's cell, (rows, columns), antialiased."""
    unit = height / _HEIGHT
    rows, columns = round(unit * 9.5), round(unit * _ADVANCE)
    if character == " ":
        return np.zeros((rows, columns))
    y, x = np.mgrid[:rows, :columns] + 0.5
    thickness = max(0.5, unit * 0.42)
    nearest = np.full((rows, columns), np.inf)
    for stroke in STROKES.get(character, STROKES["?"]).split():
        digits = np.array([float(d) for d in stroke]).reshape(-1, 2)
        points = (digits + np.array([0.7, 0.9])) * unit
        for start, end in pairwise(points):
            along = end - start
            length = max(float(along @ along), 1e-9)
            t = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1)
            gap = np.hypot(x - start[0] - t * along[0], y - start[1] - t * along[1])
            nearest = np.minimum(nearest, gap)
    return np.asarray(np.clip(thickness + 0.5 - nearest, 0, 1))


def text_size(text: str, height: int) -> tuple[int, int]:
    """Width and height in pixels of a line of text whose capitals are `height` tall."""
    return round(height / _HEIGHT * _ADVANCE) * len(text), round(height / _HEIGHT * 9.5)


def draw_text(pixels: Bytes8, text: str, at: tuple[int, int], height: int = 12) -> None:
    """Draw a line of text into `pixels`, its cell's top left corner at (x, y).

    Light with a dark rim; dark with a light rim where the picture is bright.
    """
    if not text:
        return
    light = np.concatenate([_glyph(c, height) for c in text], axis=1)
    rim = np.zeros_like(light)
    padded = np.pad(light, 1)
    for dy in range(3):
        for dx in range(3):
            part = padded[dy : dy + light.shape[0], dx : dx + light.shape[1]]
            rim = np.maximum(rim, part)
    x, y = at
    top, left = max(y, 0), max(x, 0)
    target = pixels[top : y + light.shape[0], left : x + light.shape[1]]
    window = (slice(top - y, top - y + target.shape[0]), slice(left - x, left - x + target.shape[1]))
    if target.size == 0:
        return
    over, under = light[window], rim[window] * 0.8
    if pixels.ndim == 3:
        over, under = over[..., None], under[..., None]
    ink, paper = _inks(target)
    rimmed = target * (1 - under) + paper * under
    target[...] = np.rint(rimmed * (1 - over) + ink * over)


def _inks(target: Bytes8) -> tuple[int, int]:
    """Grey of the text and of its rim."""
    return (20, 255) if np.median(target) > 170 else (235, 0)


def _bar_mm(pixel_mm: float, room: float) -> float:
    """Longest of 1, 2 and 5 times a power of ten mm that fits into `room` pixels."""
    most = room * pixel_mm
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(step * power for step in (1, 2, 5) if step * power <= most))


def annotate(picture: Picture, label: str | None = None, scale: bool = True, height: int = 0) -> Picture:
    """Return a copy with its orientation letters, a label at the top left and a scale bar at the bottom.

    Parameters
    ----------
    label
        Text; None: the picture's own label.
    scale
        Whether to draw the scale bar (only where the scale is known).
    height
        Height of capitals in pixels; 0: by the picture's size.
    """
    pixels = picture.pixels.copy()
    rows, columns = pixels.shape[:2]
    size = height or int(np.clip(min(rows, columns) // 32, 7, 16))
    margin = size // 2
    left, right, top, bottom = picture.letters
    wide, tall = text_size("M", size)
    middle = (rows - tall) // 2
    draw_text(pixels, left, (margin, middle), size)
    draw_text(pixels, right, (columns - margin - wide * len(right), middle), size)
    draw_text(pixels, top, ((columns - wide * len(top)) // 2, margin), size)
    draw_text(pixels, bottom, ((columns - wide * len(bottom)) // 2, rows - margin - tall), size)
    draw_text(pixels, picture.label if label is None else label, (margin, margin), size)
    if scale and picture.pixel_mm is not None:
        _draw_scale(pixels, picture.pixel_mm, size, margin)
    return replace(picture, pixels=pixels)


def _draw_scale(pixels: Bytes8, pixel_mm: float, size: int, margin: int) -> None:
    rows, columns = pixels.shape[:2]
    length = _bar_mm(pixel_mm, columns / 4)
    pixel_length = round(length / pixel_mm)
    text = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"
    bottom, right = rows - margin, columns - margin
    thick = max(2, size // 6)
    ink, paper = _inks(pixels[bottom - thick : bottom, right - pixel_length : right])
    pixels[bottom - thick - 1 : bottom + 1, right - pixel_length - 1 : right + 1] = paper
    pixels[bottom - thick : bottom, right - pixel_length : right] = ink
    width = text_size(text, size)[0]
    x = right - pixel_length // 2 - width // 2
    draw_text(pixels, text, (min(x, columns - width - 1), bottom - thick - 2 - round(size * 1.25)), size)
