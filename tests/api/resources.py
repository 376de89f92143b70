"""Specs that are wrong, with what is said of them, and specs that only look so.

Neighbours: `test_validation` applies them to a real API server; `tests/unit/cli/test_lint` holds
the same table against `transit lint`, which must say the same without one.
"""

from typing import Any

from transit_operator.api.server import RESERVED_ENV

# as NVIDIA's device plugin calls what MIG and time-slicing make of a GPU, and others' call theirs
GPU_PARTS = (
    "nvidia.com/mig-1g.5gb",
    "nvidia.com/mig-3g.40gb",
    "nvidia.com/mig-1g.10gb.me",
    "nvidia.com/gpu.shared",
    "amd.com/gpu",
    "gpu.intel.com/i915",
)

STEP = {"weight": 100, "hold": "1m"}
GATEWAY = {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}}


def rollout(**changes: Any) -> dict[str, Any]:
    return {"rollout": changes}


def analysis(**changes: Any) -> dict[str, Any]:
    return rollout(analysis=changes)


def server(**changes: Any) -> dict[str, Any]:
    return {"server": changes}


def pods(**changes: Any) -> dict[str, Any]:
    return server(podTemplate={"spec": changes})


def labels(**changes: Any) -> dict[str, Any]:
    return server(podTemplate={"metadata": {"labels": changes}})


def variable(**changes: Any) -> dict[str, Any]:
    return server(env=[{"name": "A", **changes}])


def gateway(**changes: Any) -> dict[str, Any]:
    whole = {"parentRefs": [{"name": "public"}]} | changes
    return {"traffic": {"router": "gateway", "gateway": whole}}


WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a weight over 100": (
        rollout(steps=[{"weight": 150, "hold": "1m"}]),
        ["spec.rollout.steps[0].weight", "less than or equal to 100"],
    ),
    "a negative weight": (
        rollout(steps=[{"weight": -1, "hold": "1m"}, STEP]),
        ["spec.rollout.steps[0].weight", "greater than or equal to 0"],
    ),
    "weights that fall": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 10, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "equal weights": (
        rollout(steps=[{"weight": 50, "hold": "1m"}, {"weight": 50, "hold": "1m"}, STEP]),
        ["spec.rollout.steps", "weights must rise"],
    ),
    "a last weight that isn't 100": (
        rollout(steps=[{"weight": 10, "hold": "1m"}]),
        ["spec.rollout.steps", "the last step's weight must be 100"],
    ),
    "no step": (rollout(steps=[]), ["spec.rollout.steps", "at least 1"]),
    "two models of one name": (
        {"models": [{"name": "m", "version": "1.0.0"}, {"name": "m", "version": "1.1.0"}]},
        ["spec.models[1]", "Duplicate value"],
    ),
    "no model": ({"models": []}, ["spec.models", "at least 1"]),
    "a bad semver": (
        {"models": [{"name": "m", "version": "v1.0"}]},
        ["spec.models[0].version", "must be a semantic version"],
    ),
    "a number of MLflow's": (
        {"models": [{"name": "m", "version": "v3"}], "storage": {"uri": "mlflow://mlflow"}},
        ["spec.models[0].version", "must be a semantic version"],
    ),
    "an unknown alias": (
        {"models": [{"name": "m", "version": "newest"}]},
        ["spec", "an alias is one of stable, latest"],
    ),
    "a window shorter than two intervals": (
        analysis(interval="30s", window="59s"),
        ["spec.rollout.analysis", "window must be at least two intervals long"],
    ),
    "a deadline that no pod can meet": (
        rollout(progressDeadline="0s"),
        ["spec.rollout", "progressDeadline must be at least 1s"],
    ),
    "an unknown router": ({"traffic": {"router": "nginx"}}, ["spec.traffic.router", '"gateway"']),
    "router gateway without a gateway": (
        {"traffic": {"router": "gateway"}},
        ["spec.traffic", "gateway.parentRefs"],
    ),
    "replicas and autoscaling": (
        {"replicas": 3, "autoscaling": {"min": 1, "max": 2}},
        ["spec", "replicas and autoscaling exclude each other"],
    ),
    "autoscaling without a request of CPU": (
        {
            "autoscaling": {"min": 1, "max": 2},
            "server": {"resources": {"limits": {"memory": "1Gi"}}},
        },
        ["spec", "server.resources needs requests.cpu"],
    ),
    "autoscaling by both without a request of CPU": (
        {
            "autoscaling": {"min": 1, "max": 2, "targetCPU": 70, "targetConcurrency": 4},
            "server": {"resources": {"limits": {"memory": "1Gi"}}},
        },
        ["spec", "targetConcurrency instead of targetCPU"],
    ),
    "autoscaling for no request at all": (
        {"autoscaling": {"min": 1, "max": 2, "targetConcurrency": 0}},
        ["spec.autoscaling.targetConcurrency", "greater than or equal to 1"],
    ),
    "autoscaling of another class": (
        {"autoscaling": {"min": 1, "max": 2, "class": "kpa.autoscaling.knative.dev"}},
        ["spec.autoscaling.class", '"HPA", "KEDA"'],
    ),
    "autoscaling of pods that two versions share": (
        {"autoscaling": {"min": 1, "max": 2}, **rollout(capacity="Shared")},
        ["spec", "capacity: Shared shares a fixed number of pods"],
    ),
    "autoscaling upside down": (
        {"autoscaling": {"min": 3, "max": 2}},
        ["spec.autoscaling", "min must not be greater than max"],
    ),
    "an unknown unit": (
        rollout(steps=[{"weight": 100, "hold": "3 days"}]),
        ["spec.rollout.steps[0].hold", "units: ms, s, m, h"],
    ),
    "a storage of another kind": (
        {"storage": {"uri": "ftp://models"}},
        ["spec.storage.uri", "must be s3://"],
    ),
    "a tag of a registry": (
        {"storage": {"uri": "oci://registry.example.com/models:1.0.0"}},
        ["spec.storage.uri", "that of oci:// small letters and no tag"],
    ),
    "a default that is no model": (
        {"default": "other"},
        ["spec", "default must be the name of one of the models"],
    ),
    "a custom metric without a bound": (
        analysis(custom=[{"name": "x", "query": "up"}]),
        ["spec.rollout.analysis.custom[0]", "needs max, min or both"],
    ),
    "a custom metric with a place that is unknown": (
        analysis(custom=[{"name": "x", "query": 'up{a="{{stabel}}"}', "max": 1}]),
        ["spec.rollout.analysis.custom[0]", "query knows {{namespace}}, {{name}}"],
    ),
    "an unknown mode of a signal": (
        analysis(drift={"mode": "Maybe"}),
        ["spec.rollout.analysis.drift.mode", "Enforce"],
    ),
    "an error rate over 1": (
        analysis(errorRate={"max": 5}),
        ["spec.rollout.analysis.errorRate.max", "less than or equal to 1"],
    ),
    "an underscore in a host name": (
        gateway(hostnames=["kepler_new.example.com"]),
        ["spec.traffic.gateway.hostnames[0]", "must be a host name"],
    ),
    "a host name with a port": (
        gateway(hostnames=["kepler.example.com:8080"]),
        ["spec.traffic.gateway.hostnames[0]", "no port"],
    ),
    "an upper-case host name": (
        gateway(hostnames=["Kepler.example.com"]),
        ["spec.traffic.gateway.hostnames[0]", "lower-case"],
    ),
    "a host name with a star in its middle": (
        gateway(hostnames=["a.*.example.com"]),
        ["spec.traffic.gateway.hostnames[0]", "must be a host name"],
    ),
    "an empty host name": (
        gateway(hostnames=[""]),
        ["spec.traffic.gateway.hostnames[0]"],
    ),
    "an address as a host name": (
        gateway(hostnames=["10.0.0.1"]),
        ["spec.traffic.gateway.hostnames[0]", "no IP address"],
    ),
    "a host name of a label that is too long": (
        gateway(hostnames=["a" * 64 + ".example.com"]),
        ["spec.traffic.gateway.hostnames[0]"],
    ),
    "a Gateway's name with an underscore": (
        gateway(parentRefs=[{"name": "my_gateway"}]),
        ["spec.traffic.gateway.parentRefs[0].name", "must be the name of an object"],
    ),
    "an empty name of a Gateway": (
        gateway(parentRefs=[{"name": ""}]),
        ["spec.traffic.gateway.parentRefs[0].name"],
    ),
    "a namespace with a dot": (
        gateway(parentRefs=[{"name": "g", "namespace": "a.b"}]),
        ["spec.traffic.gateway.parentRefs[0].namespace", "must be the name of a namespace"],
    ),
    "an upper-case sectionName": (
        gateway(parentRefs=[{"name": "g", "sectionName": "HTTPS"}]),
        ["spec.traffic.gateway.parentRefs[0].sectionName", "must be the name of a listener"],
    ),
    "port 0 of a Gateway": (
        gateway(parentRefs=[{"name": "g", "port": 0}]),
        ["spec.traffic.gateway.parentRefs[0].port"],
    ),
    "a Gateway twice": (
        gateway(parentRefs=[{"name": "g"}, {"name": "g", "port": 80}]),
        ["spec.traffic.gateway.parentRefs", "twice"],
    ),
    "a Gateway twice, once by its listener": (
        gateway(parentRefs=[{"name": "g"}, {"name": "g", "sectionName": "https"}]),
        ["spec.traffic.gateway.parentRefs", "needs a sectionName each time"],
    ),
    "a Secret's name in upper case": (
        {"storage": {"uri": "s3://models", "secretName": "MinIO"}},
        ["spec.storage.secretName", "must be the name of an object"],
    ),
    "an empty name of a Secret": (
        {"storage": {"uri": "s3://models", "secretName": ""}},
        ["spec.storage.secretName"],
    ),
    "a claim with an underscore": (
        {"storage": {"uri": "pvc://my_claim/store"}},
        ["spec.storage.uri", "pvc://CLAIM/PATH"],
    ),
    "a claim with two dots in a row": (
        {"storage": {"uri": "pvc://my..claim/store"}},
        ["spec.storage.uri", "pvc://CLAIM/PATH"],
    ),
    "a path that leaves the claim": (
        {"storage": {"uri": "pvc://claim/store/../../other"}},
        ["spec.storage.uri", "no '..'"],
    ),
    "the root of the node": (
        {"storage": {"uri": "file:////"}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "the root of the node, said shorter": (
        {"storage": {"uri": "file:///"}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "the root of the node, said with a dot": (
        {"storage": {"uri": "file:///."}},
        ["spec.storage.uri", "file:///PATH is not the root"],
    ),
    "a directory above": (
        {"storage": {"uri": "file:///srv/models/../../etc"}},
        ["spec.storage.uri", "no '..'"],
    ),
    "a directory with two slashes": (
        {"storage": {"uri": "file:///srv//models"}},
        ["spec.storage.uri", "no '//'"],
    ),
    "an image with a space": (
        server(image="my image:1"),
        ["spec.server.image", "must be an image"],
    ),
    "an image in upper case": (
        server(image="registry.example.com/Server:1"),
        ["spec.server.image", "must be an image"],
    ),
    "an empty image": (server(image=""), ["spec.server.image"]),
    "an empty pool": (server(pool=""), ["spec.server.pool"]),
    "a resource that isn't known": (
        server(resources={"limits": {"gpu": 1}}),
        ["spec.server.resources.limits", "have a domain such as nvidia.com/gpu"],
    ),
    "a quantity in words": (
        server(resources={"limits": {"memory": "1 GB"}}),
        ["spec.server.resources.limits", "must be a quantity"],
    ),
    "a negative quantity": (
        server(resources={"requests": {"cpu": "-1"}}),
        ["spec.server.resources.requests", "isn't negative"],
    ),
    "a negative number": (
        server(resources={"requests": {"cpu": -1}}),
        ["spec.server.resources.requests", "isn't negative"],
    ),
    "half a GPU": (
        server(resources={"limits": {"nvidia.com/gpu": "500m"}}),
        ["spec.server.resources.limits", "must be whole numbers"],
    ),
    "more requested than allowed": (
        server(resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}),
        ["spec.server.resources", "requests must not be above limits"],
    ),
    "more requested than allowed, as numbers": (
        server(resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}}),
        ["spec.server.resources", "requests must not be above limits"],
    ),
    "a GPU that is requested only": (
        server(resources={"requests": {"nvidia.com/gpu": 1}}),
        ["spec.server.resources", "need limits as well"],
    ),
    "fewer GPUs requested than allowed": (
        server(resources={"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}),
        ["spec.server.resources", "both must be equal"],
    ),
    "a check without a pod": (
        rollout(checks=[{"name": "c", "template": {}}]),
        ["spec.rollout.checks[0].template.spec", "Required value"],
    ),
    "a check without containers": (
        rollout(checks=[{"name": "c", "template": {"spec": {"containers": []}}}]),
        ["spec.rollout.checks[0].template.spec.containers", "at least 1"],
    ),
    "a check without an image": (
        rollout(checks=[{"name": "c", "template": {"spec": {"containers": [{"name": "c"}]}}}]),
        ["spec.rollout.checks[0].template.spec.containers[0].image", "Required value"],
    ),
    "a check that never ends": (
        rollout(
            checks=[
                {
                    "name": "c",
                    "template": {
                        "spec": {
                            "containers": [{"name": "c", "image": "i"}],
                            "restartPolicy": "Always",
                        }
                    },
                }
            ]
        ),
        ["spec.rollout.checks[0].template.spec.restartPolicy", "Unsupported value"],
    ),
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
    "a Secret of API keys with an underscore": (
        server(apiKeys={"secretName": "api_keys"}),
        ["spec.server.apiKeys.secretName", "must be the name of an object"],
    ),
    "a header for testers without a gateway": (
        {"traffic": {"router": "replicas", "candidateHeader": {"name": "x", "value": "y"}}},
        ["spec.traffic", "candidateHeader needs router: gateway"],
    ),
    "a header with a space": (
        {"traffic": {**GATEWAY, "candidateHeader": {"name": "a b", "value": "y"}}},
        ["spec.traffic.candidateHeader.name", "should match"],
    ),
    "a header without a value": (
        {"traffic": {**GATEWAY, "candidateHeader": {"name": "a"}}},
        ["spec.traffic.candidateHeader.value", "Required value"],
    ),
    **{
        f"the path {path!r}": (gateway(path=path), ["spec.traffic.gateway.path"])
        for path in ("", "kepler", "//", "/a//b", "/a/../b", "/.", "/a b", "/a%2fb", "/a#b")
    },
    "a prefix and two matches": (
        gateway(path="/a", matches=[{"method": "GET"}, {"method": "POST"}]),
        ["spec.traffic.gateway", "one match without a path"],
    ),
    "a prefix and a path": (
        gateway(path="/a", matches=[{"path": {"value": "/b"}}]),
        ["spec.traffic.gateway", "one match without a path"],
    ),
    "a method that isn't known": (
        gateway(matches=[{"method": "FETCH"}]),
        ["spec.traffic.gateway.matches[0].method", "Unsupported value"],
    ),
    "a filter without its settings": (
        gateway(filters=[{"type": "URLRewrite"}]),
        ["spec.traffic.gateway.filters[0]", "filter.urlRewrite must be specified"],
    ),
    "a redirect": (
        gateway(filters=[{"type": "RequestRedirect"}]),
        ["spec.traffic.gateway.filters[0].type", "Unsupported value"],
    ),
    "a filter twice": (
        gateway(
            filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": h}} for h in ("a", "b")]
        ),
        ["spec.traffic.gateway.filters", "cannot be repeated"],
    ),
    "a timeout that is none": (
        gateway(timeouts={"request": "soon"}),
        ["spec.traffic.gateway.timeouts.request"],
    ),
    "a try that is longer than all tries": (
        gateway(timeouts={"request": "1s", "backendRequest": "2s"}),
        ["spec.traffic.gateway.timeouts", "cannot be longer than request timeout"],
    ),
    "a retry of what went well": (
        gateway(retry={"codes": [200]}),
        ["spec.traffic.gateway.retry.codes[0]"],
    ),
    "a session for ever": (
        gateway(sessionPersistence={"cookieConfig": {"lifetimeType": "Permanent"}}),
        ["spec.traffic.gateway.sessionPersistence", "AbsoluteTimeout must be specified"],
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
    "a duration longer than clocks can hold": (
        rollout(progressDeadline="99999999999999999h"),
        ["spec.rollout.progressDeadline", "must be a duration"],
    ),
    "a version that is followed": (
        {"models": [{"name": "forest", "version": "1.0.0", "follow": "5m"}]},
        ["spec.models[0]", "follow is of an alias"],
    ),
    "an alias that is followed too closely": (
        {"models": [{"name": "forest", "version": "latest", "follow": "30s"}]},
        ["spec.models[0]", "follow must be at least 1m"],
    ),
    "an alias that is followed for no time": (
        {"models": [{"name": "forest", "version": "latest", "follow": "often"}]},
        ["spec.models[0].follow", "must be a duration"],
    ),
    "an unknown field": ({"rollouts": {}}, ["unknown field", "spec.rollouts"]),
}


# What looks odd, but is right: a rule that is too strict is as wrong as one that is missing.
RIGHT: dict[str, dict[str, Any]] = {
    "an alias that is followed": {
        "models": [{"name": "forest", "version": "latest", "follow": "1m"}],
    },
    "host names": gateway(hostnames=["*.example.com", "xn--kpler-7ua.example.com", "localhost"]),
    "two listeners of a Gateway": gateway(
        parentRefs=[{"name": "g", "sectionName": "a.b"}, {"name": "g", "sectionName": "c"}]
    ),
    "a Gateway's name in two namespaces": gateway(
        parentRefs=[{"name": "my.gateway"}, {"name": "my.gateway", "namespace": "infra"}]
    ),
    "everything of a gateway": {
        "traffic": {
            "router": "gateway",
            "candidateHeader": {"name": "X-Transit", "value": "the candidate"},
            "gateway": {
                "parentRefs": [{"name": "public"}],
                "path": "/team/kepler-1.0/",
                "matches": [{"method": "POST", "headers": [{"name": "a", "value": "b"}]}],
                "filters": [
                    {"type": "CORS", "cors": {"allowOrigins": ["https://example.com"]}},
                    {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}},
                ],
                "timeouts": {"request": "10s", "backendRequest": "2s"},
                "retry": {"codes": [502, 503], "attempts": 2, "backoff": "100ms"},
                "sessionPersistence": {"sessionName": "s", "type": "Header"},
            },
        }
    },
    "several paths": gateway(
        matches=[{"path": {"type": "Exact", "value": "/a"}}, {"path": {"value": "/b"}}]
    ),
    "a prefix that is rewritten otherwise": gateway(
        path="/a",
        matches=[{"method": "GET"}, {"method": "POST"}],
        filters=[{"type": "URLRewrite", "urlRewrite": {"hostname": "a.b"}}],
    ),
    "an image with a port and a digest": server(
        image="localhost:5000/team/my__server:1.2.0-rc.1_x@sha256:" + "a" * 64
    ),
    "an image without a registry": server(image="server"),
    "an image at an IPv6 address": server(image="[::1]:5000/server:1"),
    **{
        f"a part of a GPU, {name}": server(
            resources={"requests": {name: 1}, "limits": {name: 1, "memory": "2Gi"}}
        )
        for name in GPU_PARTS
    },
    "quantities of all kinds": server(
        resources={
            "requests": {"cpu": "0.5", "memory": "1e9", "nvidia.com/gpu": "1"},
            "limits": {"cpu": 2, "memory": "1Gi", "nvidia.com/gpu": 1, "hugepages-2Mi": "4Mi"},
        }
    ),
    "a GPU that is limited only": server(resources={"limits": {"nvidia.com/gpu": 1}}),
    "no resources": server(resources={}),
    "autoscaling by a limit of CPU": {
        "autoscaling": {"min": 1, "max": 2},
        "server": {"resources": {"limits": {"cpu": 1}}},
    },
    "autoscaling by requests in flight": {
        "autoscaling": {"min": 1, "max": 2, "targetConcurrency": 4},
        "server": {"resources": {"limits": {"memory": "1Gi"}}},
    },
    "autoscaling by both, and KEDA": {
        "autoscaling": {
            "class": "KEDA",
            "min": 1,
            "max": 2,
            "targetCPU": 70,
            "targetConcurrency": 4,
        },
    },
    "autoscaling by the pool's request": {"autoscaling": {"min": 1, "max": 2}},
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
    "a claim as a whole": {"storage": {"uri": "pvc://models"}},
    "a claim with a slash": {"storage": {"uri": "pvc://models.v1/"}},
    "a folder of a claim": {"storage": {"uri": "pvc://models/a/.b/c..d/"}},
    "a directory of the node": {"storage": {"uri": "file:///srv/models/a b/..c/"}},
    "a bucket's folder": {"storage": {"uri": "s3://models/a/b..c/"}},
    "a bucket of Google's": {"storage": {"uri": "gs://team_models/a"}},
    "a container of Azure's": {"storage": {"uri": "az://models"}},
    "a registry of MLflow's": {
        "models": [{"name": "churn", "version": "champion", "follow": "5m"}],
        "storage": {"uri": "mlflow://mlflow.example.com:5000/ml"},
    },
    "a registry": {"storage": {"uri": "oci://registry.example.com:5000/team_a/models"}},
    "a web server": {"storage": {"uri": "https://models.example.com:8443/a/b"}},
    "a long hold": rollout(steps=[{"weight": 100, "hold": "86400000ms"}]),
}
