// Pointwise work between transforms: one thread a number, plain enough for a C++ compiler without a GPU.
//
// A grid is (n0, n1, n2), its real transform along the last two axes `half` (planes, fields, n1, nh), one of `planes`
// planes from plane `first` on. Columns (n0, fields, pitch) begin with the C = K1 * K2 kept modes of those axes, not yet
// or no longer transformed along axis 0; up to the pitch nothing that comes is looked at, and zeros go. With one line a
// plane, n1 = 1, the pitch is nh, and columns are `half` itself. Maps: mid[m] and outer[row] give the place of a kept
// mode, inv1 and inv0 the number of the mode at a place, or -1. s0, s1, s2 are 2 pi k of kept modes, `last` what is left
// to multiply by in a plane: 2 pi k_2 with one line, else 1. No spectrum has k_j of the Nyquist mode where it is derived.

#define HERE ((size_t)blockIdx.x * blockDim.x + threadIdx.x)
typedef double2 c128;

__device__ __forceinline__ c128 times(double a, c128 b) {
    b.x *= a;
    b.y *= a;
    return b;
}

// half[i0, i1, k] <- columns where k_1 and k_2 are kept, else 0
extern "C" __global__ void scatter(const c128* columns, c128* half, const int* inv1, unsigned first, unsigned planes,
                                   unsigned n1, unsigned nh, unsigned K2, unsigned C) {
    size_t i = HERE;
    if (i >= (size_t)planes * n1 * nh) return;
    unsigned r = (unsigned)(i / nh), k = (unsigned)(i - (size_t)r * nh), i0 = r / n1;
    int m = inv1[r - i0 * n1];
    c128 z;
    z.x = z.y = 0;
    if (m >= 0 && k < K2) z = columns[(size_t)(first + i0) * C + (size_t)m * K2 + k];
    half[i] = z;
}

// columns <- half[i0, mid[m], k]
extern "C" __global__ void gather(const c128* half, c128* columns, const int* mid, unsigned first, unsigned planes,
                                  unsigned n1, unsigned nh, unsigned K2, unsigned C) {
    size_t i = HERE;
    if (i >= (size_t)planes * C) return;
    unsigned i0 = (unsigned)(i / C), c = (unsigned)(i - (size_t)i0 * C), m = c / K2;
    columns[(size_t)(first + i0) * C + c] = half[((size_t)i0 * n1 + mid[m]) * nh + (c - m * K2)];
}

// half (planes, 3, n1, nh) <- the gradient of w, from columns (n0, 2, C) of 2 pi i k_0 w^ and of i w^
extern "C" __global__ void scatter_slopes(const c128* pair, c128* half, const int* inv1, const double* s1,
                                          const double* s2, unsigned first, unsigned planes, unsigned n1, unsigned nh,
                                          unsigned K1, unsigned K2) {
    size_t i = HERE, plane = (size_t)n1 * nh;
    if (i >= planes * plane) return;
    unsigned r = (unsigned)(i / nh), k = (unsigned)(i - (size_t)r * nh), i0 = r / n1, C = K1 * K2;
    int m = inv1[r - i0 * n1];
    c128 a, b;
    double w1 = 0, w2 = 0;
    a.x = a.y = b.x = b.y = 0;
    if (m >= 0 && k < K2) {
        size_t at = (size_t)(first + i0) * 2 * C + (size_t)m * K2 + k;
        a = pair[at];
        b = pair[at + C];
        w1 = s1[m];
        w2 = s2[k];
    }
    size_t to = i + 2 * i0 * plane;
    half[to] = a;
    half[to + plane] = times(w1, b);
    half[to + 2 * plane] = times(w2, b);
}

// columns (n0, 2, C) <- f^_0 and 2 pi (k_1 f^_1 + k_2 f^_2), from half (planes, 3, n1, nh)
extern "C" __global__ void gather_flux(const c128* half, c128* pair, const int* mid, const double* s1, const double* s2,
                                       unsigned first, unsigned planes, unsigned n1, unsigned nh, unsigned K1,
                                       unsigned K2) {
    size_t i = HERE, plane = (size_t)n1 * nh;
    unsigned C = K1 * K2;
    if (i >= (size_t)planes * C) return;
    unsigned i0 = (unsigned)(i / C), c = (unsigned)(i - (size_t)i0 * C), m = c / K2, k = c - m * K2;
    size_t from = 3 * i0 * plane + (size_t)mid[m] * nh + k, to = (size_t)(first + i0) * 2 * C + c;
    c128 f = times(s1[m], half[from + plane]), g = times(s2[k], half[from + 2 * plane]);
    f.x += g.x;
    f.y += g.y;
    pair[to] = half[from];
    pair[to + C] = f;
}

// y^ = base^ - i factor (2 pi k_0 f^_0 + last f^_last), or base^ itself where none comes; base^ <- y^ where a step ends;
// going <- y^
extern "C" __global__ void density_columns(const c128* pair, c128* base, c128* going, const int* inv0, const double* s0,
                                           const double* last, unsigned n0, unsigned C, unsigned pitch, unsigned pairs,
                                           double factor, int come, int ends) {
    size_t i = HERE;
    if (i >= (size_t)n0 * pitch) return;
    unsigned o = (unsigned)(i / pitch), c = (unsigned)(i - (size_t)o * pitch);
    int row = inv0[o];
    c128 y;
    y.x = y.y = 0;
    if (row >= 0 && c < C) {
        size_t at = (size_t)row * C + c;
        y = base[at];
        if (come) {
            size_t from = (size_t)o * pairs * pitch + c;
            c128 f = times(factor * last[c], pair[from + (pairs - 1) * pitch]);
            if (pairs > 1) {
                c128 g = times(factor * s0[row], pair[from]);
                f.x += g.x;
                f.y += g.y;
            }
            y.x += f.y;
            y.y -= f.x;
            if (ends) base[at] = y;
        }
    }
    going[i] = y;
}

// w^ = factor came^, total^ += w^; pair <- following 2 pi i k_0 w^ and following i last w^, of total^ where a step ends
// or none comes
extern "C" __global__ void weight_columns(const c128* came, c128* total, c128* pair, const int* inv0, const double* s0,
                                          const double* last, unsigned n0, unsigned C, unsigned pitch, unsigned pairs,
                                          double factor, double following, int come, int ends) {
    size_t i = HERE;
    if (i >= (size_t)n0 * pitch) return;
    unsigned o = (unsigned)(i / pitch), c = (unsigned)(i - (size_t)o * pitch);
    int row = inv0[o];
    c128 a, b;
    a.x = a.y = b.x = b.y = 0;
    if (row >= 0 && c < C) {
        size_t at = (size_t)row * C + c;
        c128 w, t = total[at];
        w.x = w.y = 0;
        if (come) {
            w = times(factor, came[i]);
            t.x += w.x;
            t.y += w.y;
            total[at] = t;
        }
        if (ends) w = t;
        a.x = -following * w.y;
        a.y = following * w.x;
        b = times(s0[row], a);
        a = times(last[c], a);
    }
    size_t to = (size_t)o * pairs * pitch + c;
    pair[to + (pairs - 1) * pitch] = a;
    if (pairs > 1) pair[to] = b;
}

// keep <- rho, if it is there; flux_j <- v_j rho; of `count` points from point `first` of N on
extern "C" __global__ void flux(const double* rho, const double* v, double* keep, double* out, unsigned first,
                                unsigned count, unsigned N, unsigned d, unsigned S, int keeps) {
    size_t i = HERE;
    if (i >= count) return;
    size_t component = i + i / S * (d - 1) * S;
    double r = rho[i];
    if (keeps) keep[first + i] = r;
    for (unsigned j = 0; j < d; ++j) out[component + (size_t)j * S] = v[first + i + (size_t)j * N] * r;
}

// flux_j <- v_j change + u_j rho
extern "C" __global__ void flux_change(const double* change, const double* v, const double* u, const double* rho,
                                       double* out, unsigned first, unsigned count, unsigned N, unsigned d, unsigned S) {
    size_t i = HERE;
    if (i >= count) return;
    size_t component = i + i / S * (d - 1) * S;
    double y = change[i], r = rho[first + i];
    for (unsigned j = 0; j < d; ++j) {
        size_t at = first + i + (size_t)j * N;
        out[component + (size_t)j * S] = v[at] * y + u[at] * r;
    }
}

// out <- sum_j v_j s_j; momentum_j <- or += y s_j
extern "C" __global__ void collect(const double* slopes, const double* v, const double* y, double* momentum, double* out,
                                   unsigned first, unsigned count, unsigned N, unsigned d, unsigned S, int fresh) {
    size_t i = HERE;
    if (i >= count) return;
    size_t component = i + i / S * (d - 1) * S;
    double sum = 0, r = y[first + i];
    for (unsigned j = 0; j < d; ++j) {
        size_t at = first + i + (size_t)j * N;
        double slope = slopes[component + (size_t)j * S];
        sum += v[at] * slope;
        momentum[at] = r * slope + (fresh ? 0.0 : momentum[at]);
    }
    out[i] = sum;
}

// spectral (K0, C) <- factor columns[outer]; and back, zero where no mode is kept
extern "C" __global__ void take(const c128* columns, c128* spectral, const int* outer, unsigned K0, unsigned C,
                                unsigned pitch, double factor) {
    size_t i = HERE;
    if (i >= (size_t)K0 * C) return;
    unsigned row = (unsigned)(i / C), c = (unsigned)(i - (size_t)row * C);
    spectral[i] = times(factor, columns[(size_t)outer[row] * pitch + c]);
}

extern "C" __global__ void put(const c128* spectral, c128* columns, const int* inv0, unsigned n0, unsigned C,
                               unsigned pitch) {
    size_t i = HERE;
    if (i >= (size_t)n0 * pitch) return;
    unsigned o = (unsigned)(i / pitch), c = (unsigned)(i - (size_t)o * pitch);
    int row = inv0[o];
    c128 z;
    z.x = z.y = 0;
    if (row >= 0 && c < C) z = spectral[(size_t)row * C + c];
    columns[i] = z;
}

// out[i] <- the largest sum_j w_j |v_j| of the points i, i + stride, ...; not a number if one is none
extern "C" __global__ void speeds(const double* v, double* out, unsigned N, unsigned stride, unsigned d, double w0,
                                  double w1, double w2) {
    size_t i = HERE;
    if (i >= stride) return;
    double largest = 0;
    for (size_t p = i; p < N; p += stride) {
        double s = w0 * fabs(v[p]);
        if (d > 1) s += w1 * fabs(v[p + N]);
        if (d > 2) s += w2 * fabs(v[p + 2 * (size_t)N]);
        if (!(s <= largest) && largest == largest) largest = s;
    }
    out[i] = largest;
}

// out[i] <- the largest |x| of the numbers i, i + stride, ...; not a number if one is none
extern "C" __global__ void magnitudes(const double* x, double* out, unsigned count, unsigned stride) {
    size_t i = HERE;
    if (i >= stride) return;
    double largest = 0;
    for (size_t p = i; p < count; p += stride) {
        double s = fabs(x[p]);
        if (!(s <= largest) && largest == largest) largest = s;
    }
    out[i] = largest;
}

// Say what the next transform loads.
extern "C" __global__ void point(unsigned long long* info, const void* a, const void* b, unsigned first) {
    if (HERE > 0) return;
    info[0] = (unsigned long long)a;
    info[1] = (unsigned long long)b;
    info[2] = first;
}

// out <- sum_j v_j s_j, with u_j kept_j added where there is a change u of the velocity, and - c source; keep <- s
extern "C" __global__ void advect(const double* slopes, const double* v, const double* u, const double* kept,
                                  const double* source, double* keep, double* out, unsigned first, unsigned count,
                                  unsigned N, unsigned d, unsigned S, double c, int changes, int keeps, int sources) {
    size_t i = HERE;
    if (i >= count) return;
    size_t component = i + i / S * (d - 1) * S;
    double sum = sources ? -c * source[first + i] : 0.0;
    for (unsigned j = 0; j < d; ++j) {
        size_t at = first + i + (size_t)j * N;
        double slope = slopes[component + (size_t)j * S];
        sum += v[at] * slope;
        if (changes) sum += u[at] * kept[at];
        if (keeps) keep[at] = slope;
    }
    out[i] = sum;
}

// flux_j <- v_j q; momentum_j <- or += q s_j; source_bar <- or -= c q where a step ends
extern "C" __global__ void advect_back(const double* q, const double* v, const double* slopes, double* momentum,
                                       double* source_bar, double* out, unsigned first, unsigned count, unsigned N,
                                       unsigned d, unsigned S, double c, int fresh, int ends, int fresh_source) {
    size_t i = HERE;
    if (i >= count) return;
    size_t component = i + i / S * (d - 1) * S;
    double value = q[i];
    for (unsigned j = 0; j < d; ++j) {
        size_t at = first + i + (size_t)j * N;
        momentum[at] = value * slopes[at] + (fresh ? 0.0 : momentum[at]);
        out[component + (size_t)j * S] = v[at] * value;
    }
    if (ends) source_bar[first + i] = (fresh_source ? 0.0 : source_bar[first + i]) - c * value;
}
