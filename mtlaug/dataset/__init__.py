"""What a training draws: utterances and their copies in batches, changed afresh every epoch; speech without labels."""
