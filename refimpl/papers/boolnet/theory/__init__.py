"""What BoolNet's operators, thresholds and costs are, in closed form."""
