"""Fuzzing: random documents through reader, explanation and emulator, and what must always hold."""
