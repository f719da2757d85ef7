"""Any Stable-Baselines3 algorithm by name, trained on a vector environment given ready."""

import inspect
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sb3_contrib
import stable_baselines3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from damosrl.errors import ConfigError, UnknownNameError
from damosrl.learner import TrainingRequest
from damosrl.policy import PolicyNetwork
from damosrl_agents.rl.checkpoints import load_statistics, newest_checkpoint
from damosrl_agents.rl.determinism import deterministic
from damosrl_agents.rl.sb3_export import ACTIVATION_NAMES, centre_policy, export_network
from damosrl_agents.rl.sb3_hooks import TrainingHooks
from damosrl_agents.rl.sb3_restore import Policy, SpacesOnly, acting, load_weights, set_up
from damosrl_agents.tiering import require_range

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "A2C": stable_baselines3.A2C,
    "CrossQ": sb3_contrib.CrossQ,
    "DDPG": stable_baselines3.DDPG,
    "DQN": stable_baselines3.DQN,
    "PPO": stable_baselines3.PPO,
    "SAC": stable_baselines3.SAC,
    "TD3": stable_baselines3.TD3,
    "TQC": sb3_contrib.TQC,
    "TRPO": sb3_contrib.TRPO,
}
"""Those whose policy is one network from observation to action, hence exportable."""

OURS = (
    "policy",
    "env",
    "seed",
    "device",
    "verbose",
    "policy_kwargs",
    "tensorboard_log",
    "_init_setup_model",
)
"""Arguments of an algorithm that are set here."""


@dataclass(eq=False)
class SB3Learner:
    """Trains a dense policy with Stable-Baselines3 or sb3-contrib, on one CPU core.

    Equal seeds give equal weights on one machine. A run that is continued from a checkpoint
    starts new episodes (and an empty replay buffer, for off-policy algorithms): it is as
    repeatable, but not equal to one that was never interrupted.

    Args:
        algorithm: Name of the class, such as ``PPO``.
        timesteps: Environment steps of a training run by default, over all machines.
        hidden: Widths of the hidden layers.
        activation: ``tanh``, ``relu``, ``elu``, ``silu`` or ``leaky_relu``.
        policy_kwargs: Further arguments of the policy, such as ``log_std_init``.
        kwargs: Further arguments of the algorithm, such as ``learning_rate``. A ``batch_size``
            that does not divide the rollout is lowered to their greatest common divisor.
        start_knobs: Physical knobs that the untrained policy is centred on, where actions are
            knob positions; without them it starts from the middle of every range. Knobs left
            out are at the task's default.
        normalise_observation: Standardise observations by running statistics; the artifact
            carries them. Features of a task are in [-1, 1] already.
        normalise_reward: Scale rewards by the running deviation of returns.
        report_every_timesteps: Environment steps between progress reports at least.
    """

    algorithm: str = "PPO"
    timesteps: int = 200_000
    hidden: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    policy_kwargs: dict[str, Any] = field(default_factory=dict)
    kwargs: dict[str, Any] = field(default_factory=dict)
    start_knobs: dict[str, float] = field(default_factory=dict)
    normalise_observation: bool = False
    normalise_reward: bool = False
    report_every_timesteps: int = 2048

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            raise UnknownNameError("algorithm", self.algorithm, ALGORITHMS)
        if self.activation not in ACTIVATION_NAMES.values():
            raise UnknownNameError("activation", self.activation, ACTIVATION_NAMES.values())
        for width in self.hidden:
            require_range("hidden", width, 1)
        require_range("timesteps", self.timesteps, 1)
        require_range("report_every_timesteps", self.report_every_timesteps, 1)
        known = set(inspect.signature(ALGORITHMS[self.algorithm]).parameters) - set(OURS)
        for name in self.kwargs:
            if name not in known:
                raise UnknownNameError(f"argument of {self.algorithm}", name, known)
        if self.kwargs.get("use_sde"):
            raise ConfigError(
                "state-dependent exploration changes the policy's output layer",
                got="use_sde=True",
                allowed="use_sde=False",
                fix="leave it out",
            )

    def train(self, environment: VecEnv, request: TrainingRequest) -> PolicyNetwork:
        """Train on a vector environment and return the policy.

        Args:
            environment: Observations ``Box (d,)``; actions ``Box(-1, 1)`` or MultiDiscrete.
            request: Seed, length, hooks.

        Raises:
            KeyboardInterrupt: The user stopped; a checkpoint has been written.
            ConfigError: Algorithm and environment do not fit.
        """
        total = self.timesteps if request.timesteps is None else request.timesteps
        require_range("timesteps", total, 1)
        checkpoint = newest_checkpoint(request.checkpoint_dir) if request.resume else None
        done = 0 if checkpoint is None else int(checkpoint.stem.rpartition("_")[2])
        with deterministic(request.seed + done):
            normalised = self._normalised(environment)
            if checkpoint is None:
                model = self._new_model(normalised, request.seed)
                if self.start_knobs and request.spec is not None:
                    centre_policy(model, request.spec.action(**self.start_knobs))
            else:
                if isinstance(normalised, VecNormalize):
                    load_statistics(checkpoint, normalised)
                model = ALGORITHMS[self.algorithm].load(checkpoint, normalised, device="cpu")
                model.set_random_seed(request.seed + done)
            self._learn(
                model, total - done, TrainingHooks(request, total, self.report_every_timesteps)
            )
            return export_network(model)

    def restored(
        self,
        checkpoint_dir: Path,
        observation_size: int,
        action_size: int,
        choices: tuple[int, ...],
    ) -> Policy | None:
        """Return what the newest checkpoint's policy does; see `damosrl.learner.Restorable`.

        Raises:
            RunFolderError: The checkpoint cannot be read or is of another architecture.
        """
        checkpoint = newest_checkpoint(checkpoint_dir)
        if checkpoint is None:
            return None
        model = self._build(None, None, self.kwargs, _init_setup_model=False)
        set_up(model, SpacesOnly(observation_size, action_size, choices))
        load_weights(model, checkpoint)
        return acting(model, checkpoint)

    def _learn(self, model: BaseAlgorithm, timesteps: int, hooks: TrainingHooks) -> None:
        if timesteps <= 0:
            return
        model.set_logger(Logger(folder=None, output_formats=[]))  # the library's makes a folder
        try:
            model.learn(
                timesteps,
                callback=hooks,
                log_interval=1_000_000_000,
                reset_num_timesteps=model.num_timesteps == 0,
            )
        except KeyboardInterrupt:
            hooks.save()
            raise
        hooks.save()

    def _normalised(self, environment: VecEnv) -> VecEnv:
        if not (self.normalise_observation or self.normalise_reward):
            return environment
        return VecNormalize(
            environment,
            norm_obs=self.normalise_observation,
            norm_reward=self.normalise_reward,
            gamma=float(self.kwargs.get("gamma", 0.99)),
        )

    def _new_model(self, environment: VecEnv, seed: int) -> BaseAlgorithm:
        kind = ALGORITHMS[self.algorithm]
        kwargs = dict(self.kwargs)
        if "batch_size" in kwargs and "n_steps" in inspect.signature(kind).parameters:
            default = inspect.signature(kind).parameters["n_steps"].default
            rollout = environment.num_envs * int(kwargs.get("n_steps", default))
            kwargs["batch_size"] = math.gcd(int(kwargs["batch_size"]), rollout)
        try:
            return self._build(environment, seed, kwargs)
        except (AssertionError, TypeError, ValueError) as error:
            raise ConfigError(
                f"{self.algorithm} cannot be built for this environment",
                got=error,
                fix="change its arguments, or the kind of action",
            ) from error

    def _build(
        self, environment: VecEnv | None, seed: int | None, kwargs: dict[str, Any], **more: Any
    ) -> BaseAlgorithm:
        activations = {name: module for module, name in ACTIVATION_NAMES.items()}
        policy_kwargs = {
            "net_arch": list(self.hidden),
            "activation_fn": activations[self.activation],  # type: ignore[index]
            **self.policy_kwargs,
        }
        kind: Any = ALGORITHMS[self.algorithm]
        model: BaseAlgorithm = kind(
            "MlpPolicy",
            environment,
            seed=seed,
            device="cpu",
            policy_kwargs=policy_kwargs,
            **kwargs,
            **more,
        )
        return model
