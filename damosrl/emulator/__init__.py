"""The emulated machine: DAMON and DAMOS by the kernel's rules, over emulated tiered memory."""
