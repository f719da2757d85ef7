"""Attacking a tuner on emulated machines, as Gymnasium environments."""

ENVIRONMENT = {
    "id": "damosrl/Attack-v0",
    "entry_point": "damosrl_envs.attack.env:AttackEnv",
    "vector_entry_point": "damosrl_envs.attack.env:AttackVectorEnv",
}
"""What Gymnasium is told; nothing is imported until an environment is made."""
