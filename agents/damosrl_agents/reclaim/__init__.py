"""Tuners of proactive reclaim: the kernel's module, pressure loops, cold-age rules, an oracle."""
