"""What leaves the house: STIX, an exit gate, and an outbox that delivers each item once."""
