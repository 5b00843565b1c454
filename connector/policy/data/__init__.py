"""The profile's data: the registry of terms (`registry.json`) and Sweden's municipalities and counties (`areas.json`).

This folder holds data only; `connector/policy/registry.py` reads it, and `policies/profile/` shows it to authors.
"""
