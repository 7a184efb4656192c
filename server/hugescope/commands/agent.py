"""placeholder"""

NAME = "agent"


def run() -> None:
    """x"""
