// What a transform takes in place of an array, computed as it is loaded, so that it is never written. `info` says of what:
// 0: columns or density, 1: velocity, 2, 3: first plane and planes of the part, 4: points of the grid, 5, 6, 7: inv1, s1
// and s2, 8, 9, 10: n1, n2, nh, 11, 12: kept modes along axes 1 and 2, 13: components of a gradient, 0 for a field.

typedef unsigned long long u64;

// The flux v_j rho at number i of (d, planes, n1, n2)
__device__ __forceinline__ double flux_at(const u64* info, u64 i) {
    unsigned plane = (unsigned)(info[8] * info[9]), count = (unsigned)info[3] * plane;
    unsigned j = (unsigned)(i / count), p = (unsigned)(i - (u64)j * count);
    return ((const double*)info[0])[p] * ((const double*)info[1])[(size_t)info[2] * plane + p + (size_t)j * info[4]];
}

// Number i of the rows (fields, planes, n1, nh) that `scatter` or `scatter_slopes` would write
__device__ __forceinline__ double2 line_at(const u64* info, u64 i) {
    unsigned n1 = (unsigned)info[8], nh = (unsigned)info[10], K2 = (unsigned)info[12], d = (unsigned)info[13];
    unsigned C = (unsigned)info[11] * K2, all = (unsigned)info[3] * n1 * nh, j = (unsigned)(i / all);
    unsigned at = (unsigned)(i - (u64)j * all), r = at / nh, k = at - r * nh, i0 = r / n1;
    int m = ((const int*)info[5])[r - i0 * n1];
    double2 z;
    z.x = z.y = 0;
    if (m < 0 || k >= K2) return z;
    size_t plane = (size_t)info[2] + i0, column = (size_t)m * K2 + k;
    const double2* columns = (const double2*)info[0];
    if (d == 0) return columns[plane * C + column];
    unsigned pairs = d > 1 ? 2 : 1;
    bool along_first = d > 1 && j == 0;
    z = columns[(plane * pairs + (along_first ? 1 : 0)) * C + column];
    double w = along_first ? 1.0 : j == d - 1 ? ((const double*)info[7])[k] : ((const double*)info[6])[m];
    z.x *= w;
    z.y *= w;
    return z;
}
