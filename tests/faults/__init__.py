"""Faults against a real server and a real agent, with real huge pages changing underneath."""
