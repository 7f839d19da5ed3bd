"""Fields on a GPU, by CuPy: the same scheme as on processors, in transforms of cuFFT and a dozen kernels."""
