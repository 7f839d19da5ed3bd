"""What theory says of a descent: tangent kernels, Lojasiewicz inequalities, certificates, limiting equations."""
