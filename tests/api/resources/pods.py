"""Variables and pods of one's own: specs that are wrong, and specs that only look so."""

from transit_operator.api.server import RESERVED_ENV

from .parts import Right, Wrong, labels, pods, server, variable

WRONG: Wrong = {
    "a variable that begins with a digit": (
        server(env=[{"name": "1A", "value": "x"}]),
        ["spec.server.env[0].name", "must be the name of an environment variable"],
    ),
    "a variable with a space": (
        server(env=[{"name": "A B", "value": "x"}]),
        ["spec.server.env[0].name", "must be the name of an environment variable"],
    ),
    "an empty name of a variable": (
        server(env=[{"name": "", "value": "x"}]),
        ["spec.server.env[0].name"],
    ),
    "a variable twice": (
        server(env=[{"name": "A", "value": "x"}, {"name": "A", "value": "y"}]),
        ["spec.server.env[1]", "Duplicate value"],
    ),
    **{
        f"the operator's variable {name}": (
            server(env=[{"name": name, "value": "x"}]),
            ["spec.server.env[0].name", "is set by the operator"],
        )
        for name in RESERVED_ENV
    },
    "an identity from a field": (
        server(
            env=[
                {
                    "name": "TRANSIT_REVISION",
                    "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
                }
            ]
        ),
        ["spec.server.env[0].name", "is set by the operator"],
    ),
    "a value and a source": (
        variable(value="x", valueFrom={"fieldRef": {"fieldPath": "metadata.name"}}),
        ["spec.server.env[0]", "exclude each other"],
    ),
    "no source": (variable(valueFrom={}), ["spec.server.env[0].valueFrom", "must have one of"]),
    "two sources": (
        variable(
            valueFrom={
                "fieldRef": {"fieldPath": "metadata.name"},
                "secretKeyRef": {"name": "s", "key": "k"},
            }
        ),
        ["spec.server.env[0].valueFrom", "must have one of"],
    ),
    "an unknown source": (
        variable(valueFrom={"vaultRef": {"path": "x"}}),
        ["unknown field", "vaultRef"],
    ),
    "a field that pods don't have": (
        variable(valueFrom={"fieldRef": {"fieldPath": "spec.containers"}}),
        ["spec.server.env[0].valueFrom.fieldRef.fieldPath", "must be metadata.name"],
    ),
    "a source's key with a slash": (
        variable(valueFrom={"secretKeyRef": {"name": "s", "key": "a/b"}}),
        ["spec.server.env[0].valueFrom.secretKeyRef.key", "must be a key"],
    ),
    "a source without a key": (
        variable(valueFrom={"configMapKeyRef": {"name": "s"}}),
        ["spec.server.env[0].valueFrom.configMapKeyRef.key", "Required value"],
    ),
    "a source's name in upper case": (
        variable(valueFrom={"configMapKeyRef": {"name": "S", "key": "k"}}),
        ["spec.server.env[0].valueFrom.configMapKeyRef.name", "must be the name of an object"],
    ),
    "a resource that a container has not": (
        variable(valueFrom={"resourceFieldRef": {"resource": "limits.gpu"}}),
        ["spec.server.env[0].valueFrom.resourceFieldRef.resource", "must be limits.RESOURCE"],
    ),
    "a divisor of another kind": (
        variable(valueFrom={"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1Mi"}}),
        ["spec.server.env[0].valueFrom.resourceFieldRef", "divisor must be"],
    ),
    "a label that finds pods": (
        labels(**{"transit.dev/revision": "x"}),
        ["spec.server.podTemplate.metadata.labels", "are Transit's"],
    ),
    "a label of the application": (
        labels(**{"app.kubernetes.io/name": "x"}),
        ["spec.server.podTemplate.metadata.labels", "are Transit's"],
    ),
    "a label that is too long": (
        labels(team="x" * 64),
        ["spec.server.podTemplate.metadata.labels.team"],
    ),
    "an annotation of Transit": (
        server(podTemplate={"metadata": {"annotations": {"transit.dev/action": "x"}}}),
        ["spec.server.podTemplate.metadata.annotations", "are Transit's"],
    ),
    "a name of pods": (
        server(podTemplate={"metadata": {"name": "x"}}),
        ["unknown field", "spec.server.podTemplate.metadata.name"],
    ),
    **{
        f"the server's own {field}": (
            pods(containers=[{"name": "server", field: value}]),
            ["spec.server.podTemplate.spec.containers", "are fields of spec.server"],
        )
        for field, value in {
            "image": "i",
            "env": [{"name": "A", "value": "b"}],
            "resources": {"limits": {"cpu": 1}},
            "command": ["sh"],
            "args": ["-c"],
            "ports": [{"containerPort": 1}],
        }.items()
    },
    "a container without a name": (
        pods(containers=[{"image": "i"}]),
        ["spec.server.podTemplate.spec.containers[0].name", "Required value"],
    ),
    "a ServiceAccount's name with a space": (
        pods(serviceAccountName="my account"),
        ["spec.server.podTemplate.spec.serviceAccountName", "must be the name of an object"],
    ),
    "servers that end": (
        pods(restartPolicy="Never"),
        ["spec.server.podTemplate.spec.restartPolicy", "Unsupported value"],
    ),
    "volumes that are no list": (
        pods(volumes={"a": {}}),
        ["spec.server.podTemplate.spec.volumes"],
    ),
    "mounts that are no list": (
        pods(containers=[{"name": "server", "volumeMounts": {"/a": "a"}}]),
        ["spec.server.podTemplate.spec.containers[0].volumeMounts"],
    ),
    "a mount without a place": (
        pods(initContainers=[{"name": "i", "image": "i", "volumeMounts": [{"name": "a"}]}]),
        ["spec.server.podTemplate.spec.initContainers[0].volumeMounts[0].mountPath", "Required"],
    ),
}

RIGHT: Right = {
    "variables from everywhere": server(
        env=[
            {"name": "TRANSIT_MAX_QUEUE", "value": "512"},
            {"name": "_a.b-c", "value": ""},
            {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x.y/z-1']"}}},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "D", "valueFrom": {"secretKeyRef": {"name": "a.b", "key": ".k_1"}}},
            {
                "name": "E",
                "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}},
            },
            {
                "name": "F",
                "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}},
            },
            {
                "name": "G",
                "valueFrom": {"resourceFieldRef": {"resource": "requests.memory", "divisor": 1}},
            },
        ]
    ),
    "a pod of one's own": server(
        podTemplate={
            "metadata": {
                "labels": {"azure.workload.identity/use": "true", "app.kubernetes.io/part-of": "x"},
                "annotations": {"prometheus.io/scrape": "false"},
            },
            "spec": {
                "serviceAccountName": "reader",
                "imagePullSecrets": [{"name": "registry"}],
                "runtimeClassName": "gvisor",
                "hostUsers": False,
                "securityContext": {"$patch": "replace", "runAsNonRoot": True},
                "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}}],
                "containers": [
                    {"name": "server", "volumeMounts": [{"name": "a", "mountPath": "/a"}]},
                    {"name": "b", "image": "i", "env": [{"name": "A"}], "args": ["x"]},
                    {"name": "c", "$patch": "delete"},
                ],
            },
        }
    ),
}
