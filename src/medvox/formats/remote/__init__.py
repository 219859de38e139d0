"""Remote inputs: s3://, https:// and others, of which only what is looked at is fetched."""
