"""Tabular Q-learning: the smallest learner, checked by hand and against known optima."""

import numpy as np

from damosrl.knobs import FloatArray


class QTable:
    """Action values of a small finite problem, learnt by temporal differences.

    ``Q(s, a) += alpha (r + gamma max_b Q(s', b) - Q(s, a))``
    (Watkins and Dayan, "Q-learning", Machine Learning 8, 1992, equation 1).

    Args:
        states: Number of states.
        actions: Number of actions.
        rng: Source of exploration.
        learning_rate: alpha, 0..1.
        discount: gamma, 0..1.
        exploration: Probability of a random action, 0..1.

    Attributes:
        values: ``(states, actions)``.
    """

    def __init__(
        self,
        states: int,
        actions: int,
        rng: np.random.Generator,
        *,
        learning_rate: float = 0.2,
        discount: float = 0.9,
        exploration: float = 0.1,
    ) -> None:
        self.values: FloatArray = np.zeros((states, actions))
        self._rng = rng
        self._learning_rate = learning_rate
        self._discount = discount
        self._exploration = exploration

    def explore(self, state: int) -> int:
        """Choose a random action with the exploration probability, else the best one."""
        if self._rng.random() < self._exploration:
            return int(self._rng.integers(self.values.shape[1]))
        return self.best(state)

    def best(self, state: int) -> int:
        """Return the action of the highest value, the first of equals."""
        return int(np.argmax(self.values[state]))

    def learn(self, state: int, action: int, reward: float, next_state: int) -> float:
        """Take one transition in; return the temporal-difference error."""
        target = reward + self._discount * float(self.values[next_state].max())
        error = target - float(self.values[state, action])
        self.values[state, action] += self._learning_rate * error
        return error
