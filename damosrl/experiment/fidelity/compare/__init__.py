"""Guest and emulator side by side: numbers, and what they have to be."""
