"""Travelling in time: recorded hosts, played to one viewer as if they were there."""
