"""All steps of the family "process"; importing this module registers them."""

from medvox.processing.bias_field import bias_field
from medvox.processing.normalize import match_histogram, percentile, white_stripe, window, z_score

__all__ = ["bias_field", "match_histogram", "percentile", "white_stripe", "window", "z_score"]
