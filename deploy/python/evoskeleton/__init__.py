"""evoskeleton: evolves 3D human poses at cluster scale and trains 2D-to-3D lifters on them."""


def __getattr__(name: str) -> str:
    """`__version__`, read from the installed package when it is asked for."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("evoskeleton")
