"""Evidence that outlives the software: agreements made from offers, and the chain of the journal.

Pure: no I/O, no clock, no randomness, no logging.
"""
