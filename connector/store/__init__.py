"""What the installation remembers: SQLModel tables, Core statements, one unit of work per transaction, one file per aggregate.

A unit reads and writes; it never signs, fetches, renders or waits. Every row that belongs to someone carries its participant.
"""
