"""The two listeners: requests in, answers out.

This room owns the server and its defences (deadlines, limits, headers), reads bodies, and turns errors into answers. Its
routes call one function of `connector.services` each. It opens no outbound connection and writes no SQL.
"""
