# The reports of all accounts of an organisation, from its security account.

provider "aws" {
  region = "eu-west-1"
}

data "aws_caller_identity" "current" {}

data "aws_organizations_organization" "current" {}

locals {
  release = "0.1.0"
  bucket  = "example-releases"
  regions = ["eu-west-1", "us-east-1"]
  members = [
    for account in data.aws_organizations_organization.current.accounts : account.id
    if account.id != data.aws_caller_identity.current.account_id
  ]
}

module "ecr_scan_reporter" {
  source = "../.."

  bucket  = local.bucket
  release = local.release
  parameters = {
    NotificationEmails = "security@example.org"
    ScanRegions        = join(",", local.regions)
    ScanRoles          = join(",", [for id in local.members : "arn:aws:iam::${id}:role/ecr-scan-reporter"])
  }
}

resource "aws_cloudformation_stack_set" "accounts" {
  name             = "ecr-scan-reporter-accounts"
  template_url     = "https://${local.bucket}.s3.eu-west-1.amazonaws.com/ecr-scan-reporter/${local.release}/ecr-scan-reporter-${local.release}-accounts.yaml"
  permission_model = "SERVICE_MANAGED"
  capabilities     = ["CAPABILITY_NAMED_IAM"]

  auto_deployment {
    enabled = true
  }

  parameters = {
    ReporterAccount = data.aws_caller_identity.current.account_id
    ReporterRegion  = "eu-west-1"
    RoleRegion      = local.regions[0]
  }

  lifecycle {
    ignore_changes = [administration_role_arn]
  }
}

resource "aws_cloudformation_stack_set_instance" "accounts" {
  for_each = toset(local.regions)

  stack_set_name = aws_cloudformation_stack_set.accounts.name
  region         = each.value

  deployment_targets {
    organizational_unit_ids = [data.aws_organizations_organization.current.roots[0].id]
  }
}

# Their events are let in.
resource "aws_cloudwatch_event_bus_policy" "members" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ScanEventsOfTheOrganisation"
      Effect    = "Allow"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:${data.aws_caller_identity.current.account_id}:event-bus/default"
      Condition = {
        StringEquals = { "aws:PrincipalOrgID" = data.aws_organizations_organization.current.id }
      }
    }]
  })
}
