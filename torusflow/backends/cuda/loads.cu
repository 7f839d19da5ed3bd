// What a transform takes in place of an array, computed as it is loaded, so that it is never written. PLANES of a part,
// POINTS of the grid, N1, N2, NH, KEPT1, KEPT2 and COMPONENTS (of a gradient; 0 for a field) are known when this is
// compiled. `info` says of what, as `point` writes it: 0: columns or density, 1: velocity, 2: first plane; and 5, 6, 7:
// inv1, s1 and s2.

typedef unsigned long long u64;

// The flux v_j rho at number i of (d, planes, n1, n2)
__device__ __forceinline__ double flux_at(const u64* info, unsigned i) {
    const unsigned count = PLANES * N1 * N2;
    unsigned j = i / count, p = i - j * count;
    return ((const double*)info[0])[p] * ((const double*)info[1])[(size_t)info[2] * (N1 * N2) + p + (size_t)j * POINTS];
}

// Number i of the rows (fields, planes, n1, nh) that `scatter` or `scatter_slopes` would write
__device__ __forceinline__ double2 line_at(const u64* info, unsigned i) {
    const unsigned all = PLANES * N1 * NH, C = KEPT1 * KEPT2, pairs = COMPONENTS > 1 ? 2 : 1;
    unsigned j = i / all, at = i - j * all, r = at / NH, k = at - r * NH, i0 = r / N1;
    int m = ((const int*)info[5])[r - i0 * N1];
    double2 z;
    z.x = z.y = 0;
    if (m < 0 || k >= KEPT2) return z;
    size_t column = (size_t)m * KEPT2 + k, plane = (size_t)info[2] + i0;
    bool along_first = COMPONENTS > 1 && j == 0;
    z = ((const double2*)info[0])[(plane * pairs + (along_first ? 1 : 0)) * C + column];
    if (COMPONENTS == 0 || along_first) return z;
    double w = j + 1 == COMPONENTS ? ((const double*)info[7])[k] : ((const double*)info[6])[m];
    z.x *= w;
    z.y *= w;
    return z;
}
