"""What a training step costs beside what a user would take instead."""
