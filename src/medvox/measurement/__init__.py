"""Measurement: sizes with their discretisation uncertainty, grey values, radiomics, overlap."""
