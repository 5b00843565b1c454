"""ODRL 2.2, pure: reading, evaluating, comparing and compiling policies.

This room owns what a policy means. Documents and facts come in as values, decisions go out as values; it does no I/O,
reads no clock, and imports neither pydantic, aiohttp nor SQLAlchemy. What it does not understand is *unknown*, and
unknown never permits.
"""
