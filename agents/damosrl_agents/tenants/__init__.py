"""Tuners of several tenants: who may have how much of the fast memory."""
