"""Routers, gateways, host names, testers: specs that are wrong, and specs that only look so."""

from .parts import Right, Wrong, gateway

GATEWAY = {"router": "gateway", "gateway": {"parentRefs": [{"name": "public"}]}}

WRONG: Wrong = {
    "an unknown router": ({"traffic": {"router": "nginx"}}, ["spec.traffic.router", '"gateway"']),
    "router gateway without a gateway": (
        {"traffic": {"router": "gateway"}},
        ["spec.traffic", "gateway.parentRefs"],
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
}

RIGHT: Right = {
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
}
