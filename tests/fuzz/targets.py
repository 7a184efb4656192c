"""Every fuzz target: hypothesis tries each in CI, and `make fuzz` with atheris for longer."""

from __future__ import annotations

from typing import Final

from tests.fuzz import (
    host_targets,
    kept_targets,
    kernel_targets,
    recorded_targets,
    server_targets,
    wire_targets,
)

TARGETS: Final = (
    *kernel_targets.TARGETS,
    *host_targets.TARGETS,
    *wire_targets.TARGETS,
    *recorded_targets.TARGETS,
    *kept_targets.TARGETS,
    *server_targets.TARGETS,
)
BY_NAME: Final = {target.name: target for target in TARGETS}
