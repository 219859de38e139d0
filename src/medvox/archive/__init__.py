"""Archive: keeps instances durably, finds them again, and says who did what with them."""
