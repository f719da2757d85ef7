"""Feedback controllers and fixed settings, the classical ways to turn knobs."""
