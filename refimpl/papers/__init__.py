"""The papers: a room each."""
