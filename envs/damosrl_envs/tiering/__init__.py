"""Memory tiering, emulated or real, as Gymnasium environments."""

ENVIRONMENT = {
    "id": "damosrl/Tiering-v0",
    "entry_point": "damosrl_envs.tiering.env:TieringEnv",
    "vector_entry_point": "damosrl_envs.tiering.env:TieringVectorEnv",
}
"""What Gymnasium is told; nothing is imported until an environment is made."""
