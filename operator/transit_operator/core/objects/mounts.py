"""What a server's container has on its disk: the models, room to work in, and what is kept secret.

Neighbour: `template` puts volumes and mounts into the pod.
"""

from typing import Any, Final

from ...api.server import FILE, Server, Storage

CACHE: Final = "/var/cache/transit"
MODELS: Final = "/models"
API_KEYS: Final = "/etc/transit/api-keys"
FEEDBACK: Final = "/etc/transit/feedback"
STORAGE_SECRET: Final = "/etc/transit/storage"
PREDICTION_LOG: Final = "/etc/transit/prediction-log"
ANSWER_CACHE: Final = "/etc/transit/answer-cache"
STORAGE_VOLUME: Final = "storage-secret"
API_KEYS_VOLUME: Final = "api-keys"
FEEDBACK_VOLUME: Final = "feedback"
PREDICTION_LOG_VOLUME: Final = "prediction-log"
ANSWER_CACHE_VOLUME: Final = "answer-cache"

# Without a limit a pod fills its node, and the kubelet evicts whomever it likes. With one it
# evicts the pod that has more. Another one is a podTemplate's to set.
CACHE_LIMIT: Final = "20Gi"
TMP_LIMIT: Final = "2Gi"


def served_from(storage: Storage) -> str:
    """Return the URI that the server reads: a mounted folder for file:// and pvc://."""
    return f"file://{MODELS}" if storage.uri.startswith((FILE, "pvc://")) else storage.uri


def mounts(storage: Storage, server: Server, log_secret: str) -> list[dict[str, Any]]:
    """Return the volumeMounts of the server's container."""
    found: list[dict[str, Any]] = [
        {"name": "cache", "mountPath": CACHE},
        {"name": "tmp", "mountPath": "/tmp"},
    ]
    if storage.uri.startswith(FILE):
        found.append({"name": "models", "mountPath": MODELS, "readOnly": True})
    if storage.uri.startswith("pvc://"):
        _, _, path = storage.uri.removeprefix("pvc://").partition("/")
        mount: dict[str, Any] = {"name": "models", "mountPath": MODELS, "readOnly": True}
        found.append(mount | ({"subPath": path.strip("/")} if path.strip("/") else {}))
    if storage.secret_name:
        found.append({"name": STORAGE_VOLUME, "mountPath": STORAGE_SECRET, "readOnly": True})
    if server.api_keys is not None:
        found.append({"name": API_KEYS_VOLUME, "mountPath": API_KEYS, "readOnly": True})
    found.append({"name": FEEDBACK_VOLUME, "mountPath": FEEDBACK, "readOnly": True})
    if server.prediction_log is not None and log_secret:
        found.append({"name": PREDICTION_LOG_VOLUME, "mountPath": PREDICTION_LOG, "readOnly": True})
    if server.answer_cache is not None:
        found.append({"name": ANSWER_CACHE_VOLUME, "mountPath": ANSWER_CACHE, "readOnly": True})
    return found


def volumes(
    storage: Storage, server: Server, feedback_secret: str, log_secret: str
) -> list[dict[str, Any]]:
    """Return the volumes of the pod."""
    found: list[dict[str, Any]] = [
        {"name": "cache", "emptyDir": {"sizeLimit": CACHE_LIMIT}},
        {"name": "tmp", "emptyDir": {"sizeLimit": TMP_LIMIT}},
    ]
    if storage.uri.startswith(FILE):
        path = storage.uri.removeprefix(FILE)
        found.append({"name": "models", "hostPath": {"path": path, "type": "Directory"}})
    if storage.uri.startswith("pvc://"):
        claim = storage.uri.removeprefix("pvc://").partition("/")[0]
        found.append(
            {"name": "models", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        )
    if storage.secret_name:
        # Its keys are variables, too, which other clients know. A missing Secret is told by those:
        # a volume would only wait for it, and leave no word in the pod's status.
        found.append(_secret(STORAGE_VOLUME, storage.secret_name, optional=True))
    if server.api_keys is not None:
        found.append(_secret(API_KEYS_VOLUME, server.api_keys.secret_name))
    # Optional: a lost Secret must not keep a pod from serving.
    found.append(_secret(FEEDBACK_VOLUME, feedback_secret, optional=True))
    if server.prediction_log is not None and log_secret:
        found.append(_secret(PREDICTION_LOG_VOLUME, log_secret, optional=True))
    if server.answer_cache is not None:
        found.append(_secret(ANSWER_CACHE_VOLUME, server.answer_cache.secret_name, optional=True))
    return found


def _secret(volume: str, name: str, **more: Any) -> dict[str, Any]:
    return {"name": volume, "secret": {"secretName": name, "defaultMode": 0o440, **more}}
