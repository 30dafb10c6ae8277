from .registry import Registry as Registry

__all__ = ["Registry"]
