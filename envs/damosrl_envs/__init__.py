"""Gymnasium environments around damosrl's machines; importing this package registers them.

Every subpackage that has an ``ENVIRONMENT`` (the keywords of `gymnasium.register`) is one; nothing
else has to name it.
"""

from importlib import import_module
from pkgutil import iter_modules

import gymnasium


def register() -> None:
    """Tell Gymnasium where the environments lie; a second call changes nothing."""
    for module in iter_modules(__path__):
        package = import_module(f"{__name__}.{module.name}")
        keywords = getattr(package, "ENVIRONMENT", None)
        if keywords is not None and keywords["id"] not in gymnasium.registry:
            gymnasium.register(**keywords)


register()
