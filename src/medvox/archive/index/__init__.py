"""Index: what is known of patients, studies, series and instances, to find them among many."""
