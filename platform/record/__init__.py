"""What people look at: MLflow runs, the model registry, figures.

The public names are listed in `__init__.pyi`; a name is loaded when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
