"""Memory auto-scaling of guests on an overcommitted host, as Gymnasium environments."""

ENVIRONMENT = {
    "id": "damosrl/Acma-v0",
    "entry_point": "damosrl_envs.acma.env:AcmaEnv",
    "vector_entry_point": "damosrl_envs.acma.env:AcmaVectorEnv",
}
"""What Gymnasium is told; nothing is imported until an environment is made."""
