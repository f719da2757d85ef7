"""`damosrl attack`: the access pattern, within a budget, on which a tuner does worst."""
