"""Shaping: making data coarser or narrower while it streams, as a policy demands. Constant memory, and never a guess.

The transforms (`recipe`) work on rows: `periods` and `numbers` read cells, `means` gathers them, `tables` and `lists` read
and write CSV and JSON lists piece by piece, `source` puts them between a source and the wire. Data that cannot be shaped for
certain is not served at all.
"""
