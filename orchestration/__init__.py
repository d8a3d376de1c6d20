"""Dagster: what is materialised from what, when, and what must hold in between."""
