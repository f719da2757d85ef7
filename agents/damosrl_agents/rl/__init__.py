"""Learners. Only the modules that train with a library import torch."""
