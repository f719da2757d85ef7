"""A tiered machine simulated page by page in NumPy: the emulator's opponent in `damosrl bench`.

It is what one writes without prefix sums and extents: an accessed bit for every 4 KiB page and
sampling interval, DAMON's regions on top, pages moved one by one in arrays. Two memory tiers, a
workload that does not change, one scheme per node whose apply interval is its quota window, a
whole number of aggregations. Pressure (PSI), tail latency and swap, which the emulator also
computes, are left out, to the opponent's advantage.
"""

from .machine import PerPageMachine

__all__ = ["PerPageMachine"]
