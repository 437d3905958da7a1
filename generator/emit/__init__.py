"""Emitters: model to text, registered by name."""
