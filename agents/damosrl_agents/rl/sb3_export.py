"""Turns a Stable-Baselines3 policy into a plain `PolicyNetwork`."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.torch_layers import BatchRenorm
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from damosrl.errors import ConfigError
from damosrl.knobs import Float32Array
from damosrl.policy import ActivationName, Layer, Normaliser, OutputMap, PolicyNetwork

ACTIVATION_NAMES: dict[type[nn.Module], ActivationName] = {
    nn.ReLU: "relu",
    nn.Tanh: "tanh",
    nn.ELU: "elu",
    nn.SiLU: "silu",
    nn.LeakyReLU: "leaky_relu",
}


def export_network(model: BaseAlgorithm) -> PolicyNetwork:
    """Return what a trained model does when it acts deterministically.

    Raises:
        ConfigError: The policy holds something that is no dense layer, affine normalisation or
            known activation, or the spaces are not those of a task.
    """
    output, choices = _output_of(model)
    return PolicyNetwork(
        layers=tuple(dense_layers(_policy_modules(model))),
        output=output,
        choices=choices,
        normaliser=_normaliser_of(model.get_vec_normalize_env()),
    )


def centre_policy(model: BaseAlgorithm, action: Float32Array) -> None:
    """Let an untrained policy act near a given action, whatever it observes.

    Args:
        model: Just built.
        action: Normalised positions ``(k,)``; limited to +-0.95 where the policy squashes.

    Raises:
        ConfigError: The actions are discrete.
    """
    if not isinstance(model.action_space, spaces.Box):
        raise ConfigError(
            "discrete actions have no start", got=model.action_space, fix="leave out start_knobs"
        )
    last: Any = [module for module in _policy_modules(model) if isinstance(module, nn.Linear)][-1]
    bias = torch.as_tensor(action, dtype=torch.float32)
    if model.policy.squash_output:
        bias = torch.atanh(torch.clamp(bias, -0.95, 0.95))
    with torch.no_grad():
        last.bias.copy_(bias)


def dense_layers(modules: Iterable[nn.Module]) -> list[Layer]:
    """Fold modules in their order into dense layers.

    Affine maps in a row (a normalisation in evaluation mode and the dense layer next to it)
    become one layer: ``B (A x + a) + b = (B A) x + (B a + b)``.
    """
    layers: list[Layer] = []
    weight, bias = None, None
    for module in modules:
        if type(module) in ACTIVATION_NAMES and weight is not None and bias is not None:
            layers.append(_layer(weight, bias, ACTIVATION_NAMES[type(module)]))
            weight, bias = None, None
            continue
        next_weight, next_bias = _affine(module)
        if weight is None or bias is None:
            weight, bias = next_weight, next_bias
        else:
            weight, bias = next_weight @ weight, next_weight @ bias + next_bias
    if weight is not None and bias is not None:
        layers.append(_layer(weight, bias, "identity"))
    return layers


def _layer(weight: torch.Tensor, bias: torch.Tensor, activation: ActivationName) -> Layer:
    return Layer(_array(weight), _array(bias), activation)


def _array(values: torch.Tensor) -> Float32Array:
    array: Float32Array = values.detach().cpu().numpy().astype(np.float32)
    return np.ascontiguousarray(array)


def _affine(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    if isinstance(module, nn.Linear):
        bias = module.bias
        return module.weight.double(), (
            torch.zeros(module.out_features, dtype=torch.float64) if bias is None else bias.double()
        )
    if isinstance(module, BatchRenorm):
        parts: Any = module  # its buffers are untyped
        gain = parts.scale.double() / torch.sqrt(parts.ra_var.double() + parts.eps)
        return torch.diag(gain), parts.bias.double() - gain * parts.ra_mean.double()
    raise ConfigError(
        "the policy holds a part that cannot be exported",
        got=type(module).__name__,
        allowed=", ".join(["Linear", *(kind.__name__ for kind in ACTIVATION_NAMES)]),
        fix="use dense hidden layers and one of these activations",
    )


def _policy_modules(model: BaseAlgorithm) -> Iterator[nn.Module]:
    """Walk the modules from features to outputs."""
    policy: Any = model.policy
    if hasattr(policy, "mlp_extractor"):  # PPO, A2C, TRPO
        parts = [policy.mlp_extractor.policy_net, policy.action_net]
    elif hasattr(policy, "q_net"):  # DQN
        parts = [policy.q_net.q_net]
    elif hasattr(policy.actor, "latent_pi"):  # SAC, TQC, CrossQ
        parts = [policy.actor.latent_pi, policy.actor.mu]
    else:  # TD3, DDPG: the last module is the squashing, which is the output map
        parts = [policy.actor.mu[:-1]]
    for part in parts:
        yield from part if isinstance(part, nn.Sequential) else [part]


def _output_of(model: BaseAlgorithm) -> tuple[OutputMap, tuple[int, ...]]:
    space = model.action_space
    if isinstance(space, spaces.Box):
        if not ((space.low == -1).all() and (space.high == 1).all()):
            raise ConfigError("actions are not normalised", got=space, allowed="Box(-1, 1)")
        return ("tanh" if model.policy.squash_output else "clip"), ()
    if isinstance(space, spaces.MultiDiscrete):
        return "choice", tuple(int(count) for count in space.nvec)
    if isinstance(space, spaces.Discrete):
        return "choice", (int(space.n),)
    raise ConfigError("actions of an unknown kind", got=space, allowed="Box, MultiDiscrete")


def _normaliser_of(environment: VecNormalize | None) -> Normaliser | None:
    if environment is None or not environment.norm_obs:
        return None
    statistics: Any = environment.obs_rms
    return Normaliser(
        np.asarray(statistics.mean, dtype=np.float32),
        np.sqrt(statistics.var + environment.epsilon).astype(np.float32),
        float(environment.clip_obs),
    )
