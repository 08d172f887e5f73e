"""What deploying needs beside Chalice; none of it ships to Lambda."""
