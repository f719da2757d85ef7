"""Trains a linear policy on Tiering-v0 by the cross-entropy method; knows Gymnasium only."""

import argparse

import gymnasium
import numpy as np
from gymnasium.spaces import flatdim
from numpy.typing import NDArray

import damosrl_envs  # noqa: F401  registers the environment

parser = argparse.ArgumentParser(description=__doc__)
for name, value in zip(("generations", "candidates", "steps"), (15, 16, 120), strict=True):
    parser.add_argument(f"--{name}", type=int, default=value)
parser.add_argument("--workload", default="train_mix")
options = parser.parse_args()
envs = gymnasium.make_vec(
    "damosrl/Tiering-v0", options.candidates, workload=options.workload, steps=options.steps
)
shape = (flatdim(envs.single_action_space), flatdim(envs.single_observation_space) + 1)
rng, mean, spread = np.random.default_rng(0), np.zeros(shape), np.full(shape, 0.3)


def returns(policies: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Play one episode per policy, all with the same seed; return mean rewards."""
    observation = envs.reset(seed=[seed] * len(policies))[0]  # type: ignore[arg-type]
    total = np.zeros(len(policies))
    for _ in range(options.steps):
        inputs = np.pad(observation, ((0, 0), (0, 1)), constant_values=1.0)
        observation, reward, *_ = envs.step(np.tanh(np.einsum("nij,nj->ni", policies, inputs)))
        total += reward
    return np.asarray(total / options.steps)


for generation in range(options.generations):
    policies = mean + spread * rng.standard_normal((options.candidates, *shape))
    scores = returns(policies, seed=generation)
    elite = policies[np.argsort(scores)[-options.candidates // 4 :]]
    mean, spread = elite.mean(axis=0), elite.std(axis=0) + 0.02
    print(f"generation {generation}: mean reward {scores.mean():.4f}, best {scores.max():.4f}")
