"""Tasks that can drive a kernel, found by their names through entry points."""

from importlib.metadata import entry_points

from damosrl.errors import UnknownNameError
from damosrl.task import KernelTaskFactory

TASK_GROUP = "damosrl.tasks"


def task_factory(name: str) -> KernelTaskFactory:
    """Return what builds a task.

    Args:
        name: As in the task's spec.

    Raises:
        UnknownNameError: No package here has such a task; the nearest is named.

    Example:
        >>> task_factory("tiering-v0")({}, 2).spec.task
        'tiering-v0'
    """
    factories = {point.name: point for point in entry_points(group=TASK_GROUP)}
    if name not in factories:
        raise UnknownNameError("task of a kernel", name, factories)
    factory: KernelTaskFactory = factories[name].load()
    return factory
