"""Feed-forward rules that compute knobs from what the monitor saw."""
