"""The nouns of ECR, pure: images, indexes, findings, registries, and uses of images."""
