provider "aws" {
  region = "eu-west-1"
}

resource "aws_s3_bucket" "releases" {
  bucket = "example-releases"
}

resource "aws_s3_object" "release" {
  for_each = fileset("${path.module}/0.1.0", "ecr-scan-reporter-*")

  bucket = aws_s3_bucket.releases.id
  key    = "ecr-scan-reporter/0.1.0/${each.value}"
  source = "${path.module}/0.1.0/${each.value}"
  etag   = filemd5("${path.module}/0.1.0/${each.value}")
}

module "ecr_scan_reporter" {
  source = "../.."

  bucket  = aws_s3_bucket.releases.id
  release = "0.1.0"
  parameters = {
    NotificationEmails = "security@example.org"
    CriticalThreshold  = "1"
  }

  depends_on = [aws_s3_object.release]
}

output "report_topic" {
  value = module.ecr_scan_reporter.outputs["ReportTopicArn"]
}
