"""Registration: the transform that lays one image over another."""

from medvox.processing.registration.register import Model, Registration, register

__all__ = ["Model", "Registration", "register"]
