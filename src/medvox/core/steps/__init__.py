"""Steps: algorithms with typed options, registered once for command line, pipelines, viewer and docs."""

from medvox.core.steps.options import Input, Option, Setting
from medvox.core.steps.registry import family, find, step
from medvox.core.steps.step import Step

__all__ = ["Input", "Option", "Setting", "Step", "family", "find", "step"]
