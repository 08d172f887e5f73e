"""ECR Scan Reporter: keeps the scans of ECR images fresh and reports what crosses a threshold."""
