"""Tuners of guests on a host: the RFC's controller, what is used without ACMA, and the oracle."""
