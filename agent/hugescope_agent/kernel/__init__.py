"""Readers of what the kernel says: bytes in, records out, from a live root or a captured one."""
