"""A task that is no part of damosrl: how large a cache should be, second by second."""

import gymnasium

ENVIRONMENT = {
    "id": "damosrl_toy/Cache-v0",
    "entry_point": "damosrl_toy.env:CacheEnv",
    "vector_entry_point": "damosrl_toy.env:CacheVectorEnv",
}
"""What Gymnasium is told; nothing else is imported until an environment is made."""

if ENVIRONMENT["id"] not in gymnasium.registry:
    gymnasium.register(**ENVIRONMENT)  # type: ignore[arg-type]  # all of them are texts
