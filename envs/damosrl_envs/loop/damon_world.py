"""The worlds that run DAMON: emulated machines, or a kernel."""

from collections.abc import Sequence

from damosrl.emulator.presets import MachineConfig
from damosrl.errors import ConfigError
from damosrl_envs.loop.emulated import EmulatedWorld
from damosrl_envs.loop.real import KernelWorld, kernel_config
from damosrl_envs.loop.settings import LoopSettings
from damosrl_tasks.reward import RewardConfig

DamonWorld = EmulatedWorld | KernelWorld


def damon_world(
    settings: LoopSettings,
    num_machines: int,
    *,
    fast_fill: float | None = None,
    memcgs: Sequence[str] = (),
) -> DamonWorld:
    """Take a world as it is, or make a kernel's or emulated machines as the settings say.

    Args:
        settings: What to build.
        num_machines: N.
        fast_fill: Share of the upper tiers in use at the start; None: as the workload says.
        memcgs: Paths of control groups that the world has to tell of.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    if isinstance(settings.machine, EmulatedWorld | KernelWorld):
        return settings.machine
    config = None
    if not isinstance(settings.machine, MachineConfig):
        config = kernel_config(settings.machine)
    if config is not None:
        return KernelWorld(config, num_machines, memcgs=memcgs)
    return EmulatedWorld(
        settings.machine, settings.workload, num_machines, fast_fill=fast_fill, memcgs=memcgs
    )


def require_truth(reward: RewardConfig, world: DamonWorld, others: str) -> None:
    """Refuse a reward that needs ground truth on a kernel.

    Args:
        reward: The choice.
        world: Where it is to be used.
        others: Rewards that need none.

    Raises:
        ConfigError: It does.
    """
    if reward.ground_truth and not world.has_truth:
        raise ConfigError(
            f"reward {reward.name} uses what no kernel can tell", fix=f"choose {others}"
        )
