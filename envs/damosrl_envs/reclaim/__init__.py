"""Proactive reclaim, emulated or real, as Gymnasium environments."""

ENVIRONMENT = {
    "id": "damosrl/Reclaim-v0",
    "entry_point": "damosrl_envs.reclaim.env:ReclaimEnv",
    "vector_entry_point": "damosrl_envs.reclaim.env:ReclaimVectorEnv",
}
"""What Gymnasium is told; nothing is imported until an environment is made."""
