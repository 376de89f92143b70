"""Images, built and brought to a cluster: `buildah` builds them, where no registry is reached from
`baseimage`, with `sbom` beside; `oci` writes layouts without a tool, `pulling` has nodes pull.
"""
