"""``gate``: whether an image may go on in a pipeline, by what its scans find."""
