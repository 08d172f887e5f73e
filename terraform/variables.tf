variable "bucket" {
  description = "The bucket that the release was uploaded to, in the region of the stack."
  type        = string
}

variable "release" {
  description = "The version of the release, such as 0.1.0."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.release))
    error_message = "The release is a version such as 0.1.0."
  }
}

variable "name" {
  description = "The name of the stack, which functions, queues and topics are named after."
  type        = string
  default     = "ecr-scan-reporter"

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,45}$", var.name))
    error_message = "The name is a letter and up to 45 letters, digits and hyphens."
  }
}

variable "parameters" {
  description = "Parameters of the template, by name; docs/settings.md lists them."
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of the stack, which its resources get too."
  type        = map(string)
  default     = {}
}
