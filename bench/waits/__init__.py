"""The judge of the forecasts: simulated clinic days, of which it knows what really came."""
