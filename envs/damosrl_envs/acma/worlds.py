"""Where guests are scaled: emulated hosts, or one real guest."""

from damosrl.errors import ConfigError
from damosrl_envs.acma.guest.config import guest_host_config
from damosrl_envs.acma.guest.world import GuestWorld
from damosrl_envs.acma.world import HostWorld
from damosrl_envs.loop.settings import LoopSettings
from damosrl_tasks.reward import RewardConfig

AcmaWorld = HostWorld | GuestWorld


def acma_world(settings: LoopSettings, num_machines: int, seconds: int) -> AcmaWorld:
    """Make emulated hosts or take a real guest, as the settings say.

    Raises:
        DamosrlError: A choice does not exist, or does not fit.
    """
    guest = guest_host_config(settings.machine)
    if guest is not None:
        return GuestWorld(guest, settings.workload, num_machines, seconds)
    return HostWorld(settings.machine, settings.workload, num_machines, seconds, settings.threads)


def usual_reward(world: AcmaWorld) -> str:
    """Return the choice of conf/reward where none is asked for."""
    return "acma" if world.has_truth else "acma_guest"


def require_truth(reward: RewardConfig, world: AcmaWorld) -> None:
    """Refuse a reward that needs ground truth on a real guest.

    Raises:
        ConfigError: It does.
    """
    if reward.ground_truth and not world.has_truth:
        raise ConfigError(
            f"reward {reward.name} uses what no guest can tell", fix="choose reward=acma_guest"
        )
