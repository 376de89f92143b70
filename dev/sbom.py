"""The contents of an image as a CycloneDX document: Python distributions and Debian packages.

`python sbom.py NAME FOLDER`, in the stage of a Dockerfile that installs, for the virtual
environment in FOLDER; it is written to FOLDER/sbom.cdx.json, and so comes into the image with it.
Its own packages (requirements/sbom.txt) are in an environment that doesn't. `cyclonedx-py` looks
at the distributions; what is added here is what Debian installed below them, by dpkg's own list.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

FILE = "sbom.cdx.json"
_FIELDS = ("Package", "Version", "Architecture", "source:Package")


def main(name: str, folder: Path) -> None:
    """Write the document, or end with what is wrong with it."""
    document = distributions(folder)
    document["metadata"]["component"] = {"type": "container", "name": name, "bom-ref": name}
    document["components"] += debian_packages()
    text = json.dumps(document, indent=1)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"the SBOM of {name} is no CycloneDX 1.6: {wrong}")
    (folder / FILE).write_text(text)


def distributions(folder: Path) -> dict[str, Any]:
    """Return a whole document of the distributions of a virtual environment."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--spec-version", "1.6", str(folder / "bin" / "python")]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def debian_packages() -> list[dict[str, Any]]:
    """Return a component for each package that dpkg has installed."""
    form = "\t".join(f"${{{field}}}" for field in _FIELDS) + "\n"
    command = ["dpkg-query", "--show", f"--showformat=${{db:Status-Status}}\t{form}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    release = platform.freedesktop_os_release()
    found = []
    for row in done.stdout.splitlines():
        status, package, version, architecture, source = row.split("\t")
        if status != "installed":
            continue
        qualifiers = {"arch": architecture, "distro": f"{release['ID']}-{release['VERSION_ID']}"}
        if source != package:  # advisories name sources
            qualifiers["upstream"] = source
        purl = str(PackageURL("deb", release["ID"], package, version, qualifiers))
        found.append(
            {
                "type": "library",
                "name": package,
                "version": version,
                "purl": purl,
                "bom-ref": purl,
            }
        )
    return found


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
