"""Tasks that a kernel can be driven by, found by name: no emulator and no environment is loaded."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from damosrl.errors import UnknownNameError
from damosrl.task import KernelTask, KernelTaskFactory

TASK_GROUP = "damosrl.tasks"


def make_kernel_task(name: str, settings: Mapping[str, Any], num_nodes: int) -> KernelTask:
    """Build one machine's task.

    Args:
        name: As in its spec, such as ``tiering-v0``.
        settings: The values of a choice of conf/task.
        num_nodes: Memory nodes of the machine.

    Raises:
        UnknownNameError: No installed package registers such a task for kernels.
        ConfigError: A setting is wrong, or the machine has too few nodes.

    Example:
        >>> len(make_kernel_task("tiering-v0", {}, 2).template.kdamonds)
        2
    """
    factories = {point.name: point for point in entry_points(group=TASK_GROUP)}
    if name not in factories:
        raise UnknownNameError("task for kernels", name, factories)
    factory: KernelTaskFactory = factories[name].load()
    return factory(settings, num_nodes)
