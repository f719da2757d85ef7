"""The VM lab: a real kernel with DAMON and memory tiers in QEMU, without hardware or KVM.

Layers, lowest first: `cpio` and `initrd` write the guest's first root; `packages` fetches
kernels with the distribution's own tools; `lab` knows the folder; `machine` and `qemu` turn a
machine description into a command line; `channel` carries commands; `guest` boots and runs.
"""
