"""What tests share: processes with an end, kernels, Jupyter servers, known media, a driven browser."""
