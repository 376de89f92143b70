"""The cluster made of this machine's own processes. `cluster` is the whole, from `up` to `down`;
`controlplane` and `node` are its parts, which `daemons` starts and `teardown` ends to the last
trace; `network`, `cgroups` and `pki` are what they stand on, `nodestore` fills a node with images.
"""
