"""The contents of the images that were built, beside them: build/sbom/NAME.cdx.json.

The Dockerfiles make the document (dev/sbom.py) and leave it in the image; here it is taken out, for
those who keep it with a release or give it to a scanner.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .. import paths, versions

INSIDE = "opt/transit/sbom.cdx.json"
SHIPPED = (versions.OPERATOR_IMAGE, versions.DASHBOARD_IMAGE, versions.SERVER_IMAGE)


def file(image: str) -> Path:
    """Where the document of an image is kept."""
    name = image.rpartition("/")[2].partition(":")[0]
    return paths.REPOSITORY / "build" / "sbom" / f"{name}.cdx.json"


def write(image: str, copied: Callable[[str, str, Path], None]) -> None:
    """Have the document of an image that is shipped; `copied` takes a file out of an image."""
    if image in SHIPPED:
        target = file(image)
        target.parent.mkdir(parents=True, exist_ok=True)
        copied(image, INSIDE, target)
