"""All steps of the family "process"; importing this module registers them."""

from medvox.processing.bias_field import bias_field

__all__ = ["bias_field"]
