"""Speaking DSP to a peer: sending one message, reading a state, a catalogue, a token. It decides nothing and stores nothing."""
