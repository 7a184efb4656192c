"""A guest of our own under QEMU, moved from one QEMU to another: precopy, then post-copy."""
