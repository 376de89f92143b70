"""Names that users, dashboards and other controllers rely on. Changing one is a breaking change."""

GROUP = "transit.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"
SINGULAR = "modeldeployment"
SHORT_NAME = "mdep"

FIELD_MANAGER = "transit-operator"

LABEL_MODEL_DEPLOYMENT = f"{GROUP}/model-deployment"
LABEL_REVISION = f"{GROUP}/revision"
ANNOTATION_ACTION = f"{GROUP}/action"

MANAGED_BY = {"app.kubernetes.io/managed-by": "transit"}

SERVER_PORT = 8000
PROBE_PORT = 8081  # of the server: probes and metrics, behind no Service
SERVICE_PORT = 80

# A Service name is a DNS label of at most 63 characters: NAME, a dash and the revision.
REVISION_LENGTH = 10
MAX_NAME_LENGTH = 63 - 1 - REVISION_LENGTH


def revision_object_name(name: str, revision: str) -> str:
    """Return the name of the Deployment, Service and ControllerRevision of one revision."""
    return f"{name}-{revision}"
