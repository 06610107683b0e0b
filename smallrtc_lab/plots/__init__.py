"""Live plots: real matplotlib figures drawn from sound and pictures; pixels and arrays out, no I/O."""
