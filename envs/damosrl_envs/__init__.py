"""Gymnasium environments around damosrl's machines; importing this package registers them."""

import gymnasium

TIERING_ID = "damosrl/Tiering-v0"


def register() -> None:
    """Tell Gymnasium where the environments lie; a second call changes nothing."""
    if TIERING_ID not in gymnasium.registry:
        gymnasium.register(
            id=TIERING_ID,
            entry_point="damosrl_envs.tiering.env:TieringEnv",
            vector_entry_point="damosrl_envs.tiering.vector:TieringVectorEnv",
        )


register()
