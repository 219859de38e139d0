"""The made-up patient: shapes, tissues, and each region of the body painted with them."""
