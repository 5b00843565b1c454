"""The way out: which addresses may be called, by which single client, and when to try again.

This room owns every outbound HTTP request of the server. It knows nothing of participants, messages or databases, and
nothing above it may open a connection of its own.
"""
