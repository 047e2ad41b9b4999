"""Where events and alerts are kept, behind one Protocol."""
