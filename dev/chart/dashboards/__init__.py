"""Grafana dashboards, built with Grafana's own typed SDK: the fleet, and one ModelDeployment.

The chart ships what is written from here, as JSON. Neighbours: `panels` is how a panel looks.
"""

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import fleet, modeldeployment


def texts() -> dict[str, str]:
    """Return each dashboard's JSON by its name."""
    built = {"fleet": fleet.build(), "modeldeployment": modeldeployment.build()}
    return {
        name: json.dumps(dashboard, cls=JSONEncoder, indent=1, sort_keys=True) + "\n"
        for name, dashboard in built.items()
    }
