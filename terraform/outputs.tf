output "stack_id" {
  description = "The ARN of the stack."
  value       = aws_cloudformation_stack.this.id
}

output "outputs" {
  description = "The outputs of the stack, such as ReportTopicArn and EndpointURL."
  value       = aws_cloudformation_stack.this.outputs
}
