"""The runtime that drives a kernel from a policy bundle: std-lib, NumPy and the kernel client."""
