"""The example models: trained into build/models, published to the cluster's MinIO.

Neighbours: `transit_models.examples` trains, the command `transit-models publish` publishes; the
account is the one that `dev.cluster` made for its MinIO.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.client.kube import Kube
from dev.cluster import paths
from dev.cluster.ui import StepFailed
from transit_models.errors import ModelStoreError
from transit_models.examples.training import train_examples
from transit_models.storage.objects.kinds import S3
from transit_models.storage.objects.making import create_bucket
from transit_models.storage.objects.objects import Objects
from transit_models.storage.objects.secret import Told
from transit_models.storage.objects.storage import ObjectStorage

from ..terminal.commands import transit_models
from ..terminal.progress import Progress

MODELS = paths.REPOSITORY / "build" / "models"
BUCKET = "models"
URI = f"s3://{BUCKET}"
REGION = "us-east-1"
MANIFESTS = Path(__file__).parents[1] / "manifests"


def prepare(kube: Kube, progress: Progress, namespace: str) -> None:
    """Make the models available to servers in `namespace`. Raises `StepFailed`."""
    publish_all(kube, progress)
    admit(kube, namespace)


def publish_all(kube: Kube, progress: Progress) -> None:
    """Train what is missing and publish it to the cluster's MinIO. Raises `StepFailed`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets on stderr
    with progress.waiting(f"Example models trained in {MODELS}") as waiting:
        train_examples(MODELS, progress=waiting.tell)
    user, password = account(kube)
    with (
        progress.waiting(f"Models published to {URI} in the cluster's MinIO") as waiting,
        reached(kube, user, password) as variables,
    ):
        try:
            _made(variables, BUCKET)
        except ModelStoreError as error:
            raise StepFailed(f"there is no bucket for the models: {error}") from error
        waiting.tell(transit_models(variables, "publish", str(MODELS), URI, "--replace"))


def admit(kube: Kube, namespace: str) -> None:
    """Have a namespace with the Secret that its servers read the store by. Raises `StepFailed`."""
    kube.apply(
        (MANIFESTS / "namespace.yaml").read_text().replace("name: demo", f"name: {namespace}")
    )
    kube.apply(json.dumps(secret(namespace, *account(kube))))


def account(kube: Kube) -> tuple[str, str]:
    """User and password of the cluster's MinIO. Raises `StepFailed`."""
    found = kube.find("-n", "minio", "secret", "minio-root")
    if found is None:
        raise StepFailed("there is no Secret minio/minio-root", hint="make cluster-up")
    data = found["data"]
    user, password = (base64.b64decode(data[key]).decode() for key in ("rootUser", "rootPassword"))
    return user, password


@contextmanager
def opened(kube: Kube, user: str, password: str, bucket: str = BUCKET) -> Iterator[ObjectStorage]:
    """A bucket of models, for trying things out, through a port-forward."""
    with reached(kube, user, password) as variables:
        yield _made(variables, bucket)


@contextmanager
def reached(kube: Kube, user: str, password: str) -> Iterator[dict[str, str]]:
    """The standard variables by which programs find the MinIO, through a port-forward."""
    with kube.forward("minio", "service/minio", 9000) as port:
        beside = filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1"))
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(beside)
        yield variables_of(user, password, f"http://127.0.0.1:{port}")


def _made(variables: dict[str, str], bucket: str) -> ObjectStorage:
    """The bucket, made if it is missing, for trying things out: retrained models replace older."""
    storage = ObjectStorage(Objects(S3(bucket), lambda: Told(variables, {})))
    create_bucket(storage)
    storage.mark_scratch()
    return storage


def variables_of(user: str, password: str, endpoint: str) -> dict[str, str]:
    """The standard variables for an account of the MinIO."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": user,
        "AWS_SECRET_ACCESS_KEY": password,
        "AWS_REGION": REGION,
    }


def secret(namespace: str, user: str, password: str) -> dict[str, object]:
    """The Secret `minio` with the standard variables that the servers read."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "minio", "namespace": namespace},
        "stringData": variables_of(user, password, "http://minio.minio.svc:9000"),
    }
