"""The CRD, alone as `crds/` has it, and as a template, so that `helm upgrade` upgrades it.

Neighbour: `transit_operator.api.crd` makes it of the typed resource.
"""

import yaml

from transit_operator.api import crd

HEAD = "# Generated from operator/transit_operator/api by `make crds`. Do not edit.\n"
_NAME = "metadata:\n  name: modeldeployments.transit.dev\n"
_METADATA = """\
metadata:
  name: modeldeployments.transit.dev
  labels: {{- include "transit.labels" . | nindent 4 }}
  {{- if .Values.crds.keep }}
  annotations:
    # Without it, uninstalling would delete every ModelDeployment.
    helm.sh/resource-policy: keep
  {{- end }}
"""


def text() -> str:
    """Return the CRD as YAML."""
    return HEAD + _yaml()


def template() -> str:
    """Return the chart's template of it. What it says itself in braces is no template."""
    body = _yaml().replace("{{", "{{ `{{` }}")
    if body.count(_NAME) != 1:
        raise ValueError("the CRD's metadata is not as expected: mend dev/chart/crd.py")
    return (
        HEAD + "{{- if .Values.crds.enabled }}\n" + body.replace(_NAME, _METADATA) + "{{- end }}\n"
    )


def _yaml() -> str:
    written: str = yaml.safe_dump(crd.crd(), sort_keys=False, width=100)
    return written
