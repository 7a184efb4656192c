"""placeholder"""

NAME = "up"


def run() -> None:
    """x"""
