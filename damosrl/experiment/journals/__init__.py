"""Reports on what a daemon did, from its journals."""
