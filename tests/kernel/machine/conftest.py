"""A kernel made of files whose time passes when it is told, and the tiering task on it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from damosrl.testing.fake_kernel import FakeKernel
from damosrl_envs.loop.real import KernelWorld
from damosrl_envs.tiering.env import TieringEnv


class TieringKernel(FakeKernel):
    """A fake kernel as the tiering environment takes it."""

    def world(self) -> KernelWorld:
        """Return a world on this kernel."""
        return KernelWorld(self.config, files=self.tree, pipe=self.pipe, clock=self.clock)


@pytest.fixture
def kernel(tmp_path: Path) -> TieringKernel:
    """Return a fake kernel of two tiers."""
    return TieringKernel(tmp_path / "state")


MakeEnv = Callable[..., TieringEnv]


@pytest.fixture
def make_env(kernel: TieringKernel) -> Iterator[MakeEnv]:
    """Return a maker of environments on the fake kernel; they are closed at the end."""
    made: list[TieringEnv] = []

    def make(**settings: Any) -> TieringEnv:
        made.append(TieringEnv(machine=kernel.world(), **settings))
        return made[-1]

    yield make
    for env in made:
        env.close()
