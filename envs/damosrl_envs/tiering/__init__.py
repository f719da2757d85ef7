"""Memory tiering: which memory is fast, which is slow, decided by DAMOS schemes and their knobs."""
