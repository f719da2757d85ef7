"""Memory tiering for several tenants: who gets how much fast memory, and what of it."""
