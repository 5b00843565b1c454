"""The development authority's program, `python -m certs.make`; see README.md. No key and no certificate is kept in git."""
