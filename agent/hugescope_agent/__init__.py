"""The host side of HugeScope: reads the kernel, builds the picture, sends it."""
