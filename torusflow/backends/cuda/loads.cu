// What a transform takes in place of an array, computed as it is loaded, so that it is never written. POINTS of the
// grid, N1, N2, NH, KEPT1, KEPT2 and FIELDS (3 of a gradient) are known when this is compiled. `info` says of what, as
// `point` writes it: 0: columns or density, 1: velocity, 2: first plane; and 5, 6, 7: inv1, s1 and s2.

typedef unsigned long long u64;

// The flux v_j rho at number i of (planes, 3, n1, n2)
__device__ __forceinline__ double flux_at(const u64* info, unsigned i) {
    const unsigned plane = N1 * N2;
    unsigned row = i / plane, i0 = row / 3, j = row - i0 * 3, p = i0 * plane + (i - row * plane);
    return ((const double*)info[0])[p] * ((const double*)info[1])[(size_t)info[2] * plane + p + (size_t)j * POINTS];
}

// Number i of the lines (planes, fields, n1, nh) that `scatter` or `scatter_slopes` would write
__device__ __forceinline__ double2 line_at(const u64* info, unsigned i) {
    const unsigned C = KEPT1 * KEPT2;
    unsigned r = i / NH, k = i - r * NH, row = r / N1, i0 = row / FIELDS, j = row - i0 * FIELDS;
    int m = ((const int*)info[5])[r - row * N1];
    double2 z;
    z.x = z.y = 0;
    if (m < 0 || k >= KEPT2) return z;
    size_t column = (size_t)m * KEPT2 + k, plane = (size_t)info[2] + i0;
    z = ((const double2*)info[0])[FIELDS == 1 ? plane * C + column : (plane * 2 + (j > 0)) * C + column];
    if (j == 0) return z;
    double w = j == 2 ? ((const double*)info[7])[k] : ((const double*)info[6])[m];
    z.x *= w;
    z.y *= w;
    return z;
}
