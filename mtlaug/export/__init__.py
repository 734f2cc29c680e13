"""Models for others: packed, described by a card, ready for audio, or as one file for other programs."""
