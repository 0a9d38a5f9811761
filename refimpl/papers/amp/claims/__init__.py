"""Claims: what the paper says, predicted against measured."""
