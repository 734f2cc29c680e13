"""Sound: reading recordings of any kind, speech in them, and what is made of them by lhotse's cuts and effects."""
