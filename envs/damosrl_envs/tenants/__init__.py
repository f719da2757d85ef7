"""Memory tiering for several tenants, emulated or real, as Gymnasium environments."""

ENVIRONMENT = {
    "id": "damosrl/Tenants-v0",
    "entry_point": "damosrl_envs.tenants.env:TenantsEnv",
    "vector_entry_point": "damosrl_envs.tenants.env:TenantsVectorEnv",
}
"""What Gymnasium is told; nothing is imported until an environment is made."""
