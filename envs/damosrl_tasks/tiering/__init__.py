"""Memory tiering: hot memory on fast nodes, cold memory out of its way."""
