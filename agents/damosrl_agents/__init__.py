"""Tuners for damosrl: controllers, heuristics, searches, learners, an oracle; one file each."""
