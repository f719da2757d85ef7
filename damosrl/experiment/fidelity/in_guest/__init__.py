"""What runs in the guest: a program with known accesses, DAMON on it, and its raw data.

It imports `damosrl.kernel` and NumPy only: compiling numba's kernels takes minutes on an emulated
processor.
"""
