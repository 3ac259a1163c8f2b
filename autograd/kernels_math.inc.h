/* kernels_math.inc.h: exp, log, tanh, sigmoid, softplus of a vector of floats. Included by the variants of
 * x86.
 *
 * The polynomials are minimax fits (Remez exchange in 50 digits) of the stated functions on the stated
 * intervals. */

/* exp(x) = 2^n exp(r), |r| <= ln(2) / 2; returns r. ln 2 in two parts: the first has trailing zeros, so
 * that n times it is exact. */
AD_INLINE vec exp_reduce(vec x, vec *n) {
    *n = vround(vmul(x, vset(1.44269504f)));
    vec r = vfnma(*n, vset(0.693359375f), x);
    return vfnma(*n, vset(-2.12194440e-4f), r);
}

/* exp(r) - 1 = r + r^2 p(r); p to 2^-32 of the result */
AD_INLINE vec expm1_core(vec r) {
    vec p = vset(1.991430046e-4f);
    p = vfma(p, r, vset(1.394110215e-3f));
    p = vfma(p, r, vset(8.333272834e-3f));
    p = vfma(p, r, vset(4.166635354e-2f));
    p = vfma(p, r, vset(1.666666682e-1f));
    p = vfma(p, r, vset(0.5f));
    return vfma(vmul(r, r), p, r);
}

/* Clamped to where the result is 0 or infinity already; NaN passes, as the second operand of vmax and
 * vmin. */
AD_INLINE vec vexp(vec x) {
    vec n, r = exp_reduce(vmin(vset(89), vmax(vset(-104), x)), &n);
    return vscale_power(vadd(expm1_core(r), vset(1)), n);
}

/* log(f 2^n) = n ln 2 + log(f); with g = f - 1: log(1 + g) = g - g^2 / 2 + g^3 p(g), p to 2^-30 of the
 * result */
AD_INLINE vec vlog(vec x) {
    vec n, g = vsub(vsplit_power(x, &n), vset(1)), gg = vmul(g, g);
    vec p = vset(6.915586291e-2f);
    p = vfma(p, g, vset(-1.178986978e-1f));
    p = vfma(p, g, vset(1.187290811e-1f));
    p = vfma(p, g, vset(-1.238433348e-1f));
    p = vfma(p, g, vset(1.421866611e-1f));
    p = vfma(p, g, vset(-1.666925197e-1f));
    p = vfma(p, g, vset(2.000222620e-1f));
    p = vfma(p, g, vset(-2.499998657e-1f));
    p = vfma(p, g, vset(3.333331045e-1f));
    p = vfma(vmul(gg, g), p, vmul(n, vset(-2.12194440e-4f)));
    p = vfma(gg, vset(-0.5f), p);
    vec y = vfma(n, vset(0.693359375f), vadd(g, p));
    const vec infinity = vset(__builtin_inff());
    y = vselect(vgt(infinity, x), y, x);
    y = vselect(vgt(x, vzero()), y, vset(__builtin_nanf("")));
    y = vselect(vgt(vabs(x), vzero()), y, vneg(infinity));
    return vselect(visnan(x), x, y);
}

/* tanh(x) = e / (e + 2) with e = exp(2x) - 1 = 2^n (exp(r) - 1) + (2^n - 1): no cancellation for small x,
 * where n = 0. From 9.02 on the result is 1 in float. */
AD_INLINE vec vtanh(vec x) {
    vec n, r = exp_reduce(vmin(vset(20), vadd(vabs(x), vabs(x))), &n);
    vec power = vscale_power(vset(1), n);
    vec e = vfma(power, expm1_core(r), vsub(power, vset(1)));
    return vcopysign(vquotient(e, vadd(e, vset(2))), x);
}

/* With e = exp(-|x|): 1 / (1 + e), or e / (1 + e) for negative x */
AD_INLINE vec vsigmoid(vec x) {
    vec e = vexp(vneg(vabs(x)));
    return vquotient(vselect(vgt(vzero(), x), e, vset(1)), vadd(vset(1), e));
}

/* max(x, 0) + log(1 + e), e = exp(-|x|); log(1 + e) = 2 atanh(s), s = e / (2 + e) <= 1/3,
 * atanh(s) = s + s^3 p(s^2), p to 2^-33 of the result */
AD_INLINE vec vsoftplus(vec x) {
    vec e = vexp(vneg(vabs(x))), s = vquotient(e, vadd(e, vset(2))), z = vmul(s, s);
    vec p = vset(1.215046512e-1f);
    p = vfma(p, z, vset(1.071382958e-1f));
    p = vfma(p, z, vset(1.430844233e-1f));
    p = vfma(p, z, vset(1.999943887e-1f));
    p = vfma(p, z, vset(3.333333781e-1f));
    vec half = vfma(vmul(s, z), p, s);
    return vfma(vset(2), half, vmax(vzero(), x));
}
