"""What the guest did, repeated in the emulator: the same attributes, schemes and accesses."""
