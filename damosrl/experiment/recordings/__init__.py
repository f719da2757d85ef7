"""Recordings looked at: numbers, figures and a page."""
