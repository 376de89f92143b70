"""Images, resources, keys of servers: specs that are wrong, and specs that only look so."""

from .parts import Right, Wrong, server

# as NVIDIA's device plugin calls what MIG and time-slicing make of a GPU, and others' call theirs
GPU_PARTS = (
    "nvidia.com/mig-1g.5gb",
    "nvidia.com/mig-3g.40gb",
    "nvidia.com/mig-1g.10gb.me",
    "nvidia.com/gpu.shared",
    "amd.com/gpu",
    "gpu.intel.com/i915",
)

WRONG: Wrong = {
    "a batch that is waited for until nobody waits": (
        server(batching={"maxWait": "30s"}),
        ["spec.server.batching", "maxWait must be below 30s"],
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
    "a Secret of API keys with an underscore": (
        server(apiKeys={"secretName": "api_keys"}),
        ["spec.server.apiKeys.secretName", "must be the name of an object"],
    ),
}

RIGHT: Right = {
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
}
