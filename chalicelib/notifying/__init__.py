"""The notifier: from the end of a scan to one message for each channel."""
