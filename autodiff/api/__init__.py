"""What users call: derivatives, control flow, rules of their own."""
