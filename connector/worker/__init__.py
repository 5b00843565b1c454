"""What runs by itself: delivery of the outbox, and upkeep. Timers and wake-ups only; when idle, nothing ticks."""
