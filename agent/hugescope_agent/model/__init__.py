"""Mappings and their cells: decoding, joining across processes, levels."""
