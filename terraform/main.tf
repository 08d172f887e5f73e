# The application of a release, as the one stack that its template makes.

data "aws_s3_bucket" "release" {
  bucket = var.bucket
}

locals {
  template = "ecr-scan-reporter/${var.release}/ecr-scan-reporter-${var.release}.json"
}

resource "aws_cloudformation_stack" "this" {
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${local.template}"
  capabilities = ["CAPABILITY_IAM"]
  parameters   = merge(var.parameters, { CodeBucket = var.bucket })
  tags         = var.tags
}
