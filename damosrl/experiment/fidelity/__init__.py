"""The fidelity study: what a real kernel's DAMON does, and what the emulator does instead.

`in_guest` runs in a guest of the VM lab and writes what it measured into a data folder; `emulated`
repeats it in the emulator; `compare` sets both side by side. Facts: semantics 1 and 2.
"""
