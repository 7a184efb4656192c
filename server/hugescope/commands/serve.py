"""placeholder"""

NAME = "serve"


def run() -> None:
    """x"""
