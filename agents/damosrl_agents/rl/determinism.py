"""Makes a training run repeatable, and leaves the process as it was."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from stable_baselines3.common.utils import set_random_seed


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seed every generator the library draws from; one thread, deterministic algorithms.

    Several threads add floating-point numbers in varying order; one thread does not, and is no
    slower for the small networks used here. Generators, thread count and mode are restored.

    Args:
        seed: Equal seeds give equal runs.
    """
    threads = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    numpy_state = np.random.get_state()  # noqa: NPY002  Stable-Baselines3 draws from it
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    set_random_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict)
        torch.set_rng_state(torch_state)
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002  see above
