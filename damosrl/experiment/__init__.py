"""Runs: train, tune, compare; their folders, numbers and statistics."""
