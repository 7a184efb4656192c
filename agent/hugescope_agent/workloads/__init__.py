"""Workloads to look at: a post-copy on real huge pages, and the pages it needs."""
