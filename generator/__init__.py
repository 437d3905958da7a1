"""The generator: `.api` and `.api.json` in, bindings out. Needs no VPP."""
