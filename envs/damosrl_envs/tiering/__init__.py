"""The loop around tiered machines, emulated or real: scalar, vector, Stable-Baselines3."""
