"""To and from other libraries' types, without a copy where the layout allows."""
