"""Steps on a kernel need no compiler: it would take minutes in the middle of a control loop."""

import subprocess
import sys
from pathlib import Path

STEPS = """
import gc, sys
from pathlib import Path
import numpy as np
from numba.core.dispatcher import Dispatcher
from damosrl_envs.tiering.env import TieringEnv
from tests.kernel.machine.conftest import TieringKernel
kernel = TieringKernel(Path(sys.argv[1]))
env = TieringEnv(machine=kernel.world())
env.reset()
kernel.trace()
info = env.step(np.full(5, 0.5))[4]
env.close()
used = [item.py_func.__name__ for item in gc.get_objects()
        if isinstance(item, Dispatcher) and item.signatures]
print(int(info["mask"].sum()) > info["mask"].size // 2, used)
"""


def test_a_step_on_a_kernel_uses_no_compiled_code(tmp_path: Path) -> None:
    """After a step with regions no function of numba has a signature, fresh or from the cache."""
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split(maxsplit=1) == ["True", "[]\n"]
