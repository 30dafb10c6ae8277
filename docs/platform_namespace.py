"""For the API reference: `platform/` has no `__init__.py`, and the reader of docstrings wants one.

Python's own module `platform` must keep winning where the repository root is on `sys.path`, so the
folder stays a namespace; here it is declared to Griffe as the module that it is for an importer.
"""

from typing import Any

import griffe


class PlatformNamespace(griffe.Extension):
    """Declares `evoskeleton.platform` before the modules below it are read."""

    def on_module_instance(self, *, mod: griffe.Module, **kwargs: Any) -> None:
        """Called for every module, before what lies below it is read."""
        if mod.path == "evoskeleton" and "platform" not in mod.members:
            assert not isinstance(mod.filepath, list)
            file = mod.filepath.parent / "platform" / "__init__.py"
            mod.set_member("platform", griffe.Module("platform", filepath=file, parent=mod))
