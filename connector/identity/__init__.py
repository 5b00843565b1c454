"""Who speaks: our participants' ids, keys and DID documents, and the proof that a request comes from a pinned peer.

This room makes and checks identities and tokens. It stores nothing and decides nothing: peers, pins and spent tokens are
rows of the caller's, and whether a peer may do something is a matter of policy.
"""
