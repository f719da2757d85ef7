"""What runs in the guest: a program with known accesses, DAMON on it, and its raw data.

It imports `damosrl.kernel` and NumPy only: compiling numba's kernels takes minutes on an emulated
processor.
"""

SCENARIOS = (
    "hot_set",
    "user_input",
    "node_free",
    "promotion",
    "demotion",
    "intervals",
    "watermarks",
)
"""In the order in which they are measured; each writes files that begin with its name."""
