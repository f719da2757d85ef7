"""Proximal policy optimisation in one file: Gymnasium, NumPy and torch, nothing of damosrl.

Schulman et al. 2017 (clipped objective), generalised advantage estimation (Schulman et al. 2016).
The task goes on after an episode's end, so a truncated episode's last value is bootstrapped.
"""

import argparse
from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import flatdim
from numpy.typing import NDArray
from torch import Tensor, nn

import damosrl_envs  # noqa: F401  registers the environment


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timesteps", type=int, default=100_000)
    parser.add_argument("--envs", type=int, default=16)
    parser.add_argument("--rollout", type=int, default=64, help="steps per update")
    parser.add_argument("--workload", default="train_mix")
    parser.add_argument("--steps", type=int, default=300, help="decisions per episode")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--minibatches", type=int, default=4)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--gamma", type=float, default=0.95)
    parser.add_argument("--trace", type=float, default=0.9, help="lambda of the advantages")
    parser.add_argument("--clip", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def mlp(inputs: int, outputs: int, gain: float) -> nn.Sequential:
    """Build two hidden layers of 64, orthogonal, the last with a gain of its own."""
    sizes = [inputs, 64, 64, outputs]
    layers: list[nn.Module] = []
    for place in range(3):
        linear = nn.Linear(sizes[place], sizes[place + 1])
        nn.init.orthogonal_(linear.weight, gain if place == 2 else 2.0**0.5)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Agent(nn.Module):
    """A Gaussian policy and a value function, apart."""

    def __init__(self, observations: int, actions: int) -> None:
        super().__init__()
        self.mean = mlp(observations, actions, 0.01)
        self.value = mlp(observations, 1, 1.0)
        self.log_spread = nn.Parameter(torch.full((actions,), -0.7))

    def policy(self, observation: Tensor) -> torch.distributions.Distribution:
        """Return the distribution of actions."""
        normal = torch.distributions.Normal(self.mean(observation), self.log_spread.exp())
        return torch.distributions.Independent(normal, 1)


class Rollout(NamedTuple):
    """Steps of all machines; tensors ``(T, N, ...)``."""

    observation: Tensor
    action: Tensor
    log_probability: Tensor
    advantage: Tensor
    goal: Tensor


def collect(
    envs: gymnasium.vector.VectorEnv,
    agent: Agent,
    observation: NDArray[np.float32],
    options: argparse.Namespace,
) -> tuple[Rollout, NDArray[np.float32], float]:
    """Play a rollout; return it, where it ended, and its mean reward."""
    shape = (options.rollout, options.envs)
    seen = torch.zeros((*shape, observation.shape[1]))
    done_actions = torch.zeros((*shape, flatdim(envs.single_action_space)))
    log_probability, value, after = torch.zeros(shape), torch.zeros(shape), torch.zeros(shape)
    rewards, ended = torch.zeros(shape), torch.zeros(shape)
    with torch.no_grad():
        for step in range(options.rollout):
            seen[step] = torch.from_numpy(observation)
            policy = agent.policy(seen[step])
            done_actions[step] = policy.sample()
            log_probability[step] = policy.log_prob(done_actions[step])
            value[step] = agent.value(seen[step]).squeeze(-1)
            observation, reward, _, truncated, info = envs.step(done_actions[step].numpy())
            following = observation.copy()
            for index in np.flatnonzero(truncated):
                following[index] = info["final_obs"][index]
            after[step] = agent.value(torch.from_numpy(following)).squeeze(-1)
            rewards[step] = torch.from_numpy(reward)
            ended[step] = torch.from_numpy(truncated.astype(np.float32))
    advantage = torch.zeros(shape)
    trace = torch.zeros(options.envs)
    for step in reversed(range(options.rollout)):
        surprise = rewards[step] + options.gamma * after[step] - value[step]
        trace = surprise + options.gamma * options.trace * (1.0 - ended[step]) * trace
        advantage[step] = trace
    rollout = Rollout(seen, done_actions, log_probability, advantage, advantage + value)
    return rollout, observation, float(rewards.mean())


def improve(
    agent: Agent, optimizer: torch.optim.Optimizer, rollout: Rollout, options: argparse.Namespace
) -> None:
    """Take some epochs of clipped gradient steps on a rollout."""
    data = Rollout(*(part.flatten(0, 1) for part in rollout))
    count = len(data.goal)
    for _ in range(options.epochs):
        for places in torch.randperm(count).chunk(options.minibatches):
            batch = Rollout(*(part[places] for part in data))
            advantage = (batch.advantage - batch.advantage.mean()) / (batch.advantage.std() + 1e-8)
            policy = agent.policy(batch.observation)
            ratio = (policy.log_prob(batch.action) - batch.log_probability).exp()
            clipped = ratio.clamp(1.0 - options.clip, 1.0 + options.clip)
            gain = torch.minimum(ratio * advantage, clipped * advantage).mean()
            error = (agent.value(batch.observation).squeeze(-1) - batch.goal).square().mean()
            loss = 0.5 * error - gain
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()


def main() -> None:
    """Train and print one line per update."""
    options = parse()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    envs = gymnasium.make_vec(
        "damosrl/Tiering-v0", num_envs=options.envs, workload=options.workload, steps=options.steps
    )
    agent = Agent(flatdim(envs.single_observation_space), flatdim(envs.single_action_space))
    optimizer = torch.optim.Adam(agent.parameters(), lr=options.rate, eps=1e-5)
    observation, _ = envs.reset(seed=options.seed)
    per_update = options.rollout * options.envs
    for update in range(max(1, options.timesteps // per_update)):
        rollout, observation, reward = collect(envs, agent, observation, options)
        improve(agent, optimizer, rollout, options)
        print(f"timesteps {(update + 1) * per_update}: mean reward {reward:.4f}", flush=True)


if __name__ == "__main__":
    main()
