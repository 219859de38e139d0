"""What users draw and measure on images: the saved model, its files, and merging of several windows."""
