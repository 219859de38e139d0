"""Named windows and looks."""

from __future__ import annotations

from fastapi import APIRouter

from medvox.server import types as api
from medvox.server.image import pictures

router = APIRouter(tags=["presets"])


@router.get("/presets", operation_id="presets")
def presets() -> api.Presets:
    """Named windows by modality, and volume rendering presets."""
    return pictures.presets()
