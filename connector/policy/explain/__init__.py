"""The explanation: a policy in numbered sentences that a lay person can sign, in Swedish and English, each with its grade.

`words.py` writes values out, `clauses.py` conditions, `sentences.py` rules and the summary. Terms and their sentences come
from the registry, what binds them together from the texts; nothing is left out, and what is not understood is said to be so.
"""
