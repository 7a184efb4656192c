"""Tests of travelling in time, without a network."""
