"""The real machine: the kernel's files, what they tell, and how they are changed safely."""
