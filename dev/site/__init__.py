"""The documentation site: built of `docs/` by Zensical, and held to what a build doesn't look at.

`python -m dev.site` builds `build/site` and fails at anything that is wrong (`make docs`). Files:
`outside` looks for what a browser would load from elsewhere, `links` at pages that are no part of
the site, `menu` for pages that no menu leads to, `versions` at what each page says of its version,
and keeps several versions side by side (`--into`). `theme` has the one template of ours. Settings
are in `zensical.toml`.
"""
