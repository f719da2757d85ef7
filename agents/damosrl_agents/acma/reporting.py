"""Free page reporting alone: the host gets back what happens to be free in 2 MiB."""

from collections.abc import Mapping

from damosrl_agents.controllers.fixed import FixedKnobs


class PageReporting(FixedKnobs):
    """Switches page reporting on and nothing else."""

    def settings(self) -> Mapping[str, float]:
        """Return the one switch."""
        return {"page_reporting": 1.0}
