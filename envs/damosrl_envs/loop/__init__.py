"""The loop of every task: worlds, spaces, steps, infos; scalar, vector, Stable-Baselines3."""
