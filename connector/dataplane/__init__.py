"""The data plane: what a dataset's bytes come from, how they are read over HTTP, and how a peer's data is fetched.

It owns the sources (a file, a directory, an HTTP API), the safety of paths and headers, the arithmetic of RFC 9110
(conditions, ranges, digests) and the consumer's reading. It decides nothing about who may read: a grant is checked
before a source is opened. It knows no web framework, no store and no protocol message.
"""
