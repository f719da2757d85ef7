"""Attacking a tuner: heat that is steered so that the tuner loses most to doing nothing."""
