/* math.inc.h: exp, log, tanh, sigmoid, softplus, sin, cos of a vector of floats. Included by the variants of
 * x86.
 *
 * The polynomials are minimax fits (Remez exchange in 50 digits) of the stated functions on the stated
 * intervals. Beside what portable.c describes, the variants give vquotient: a / b, allowed to be an ulp off,
 * for moderate numbers. */

#include <math.h>
#include <stdalign.h>

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

#if AD_LOOKUP

/* tanh((n + t) / 3.375) for |t| <= 1/2 as a polynomial in t, whose coefficient of t^d is tanh_table[d][n]:
 * exact to 0.02 ulp but for the rounding of the coefficients. At n = 0 the first is 0, which keeps the
 * relative error; n = 31 is 1 and stands for all that lies beyond 9.04. */
static const alignas(64) real tanh_table[7][32] = {
    {0.0f, 0.287919581f, 0.531757653f, 0.710844517f, 0.829079628f, 0.9017452f, 0.944455624f,
     0.96890384f, 0.982686818f, 0.99039048f, 0.994675517f, 0.99705267f, 0.998369336f, 0.999098122f,
     0.999501228f, 0.999724209f, 0.999847531f, 0.999915659f, 0.999953389f, 0.999974251f, 0.999985754f,
     0.999992132f, 0.999995649f, 0.999997616f, 0.999998689f, 0.999999285f, 0.999999583f, 0.999999762f,
     0.999999881f, 0.99999994f, 0.99999994f, 1.0f},
    {0.296296299f, 0.271734029f, 0.21251373f, 0.146577805f, 0.092630215f, 0.0553646274f, 0.0320010446f,
     0.0181408394f, 0.0101708425f, 0.0056671612f, 0.00314683397f, 0.00174400862f, 0.000965520332f,
     0.000534217921f, 0.000295483944f, 0.000163407152f, 9.03576438e-05f, 4.99614252e-05f,
     2.76243136e-05f, 1.52735811e-05f, 8.44473743e-06f, 4.66905794e-06f, 2.58149385e-06f,
     1.42729004e-06f, 7.89138085e-07f, 4.36308397e-07f, 2.41231504e-07f, 1.33374996e-07f,
     7.37419725e-08f, 4.07713507e-08f, 2.25421548e-08f, 0.0f},
    {-1.11720571e-08f, -0.0231814813f, -0.033483211f, -0.0308723096f, -0.0227549113f, -0.0147925299f,
     -0.00895513035f, -0.00520791952f, -0.00296140811f, -0.00166302302f, -0.000927430752f,
     -0.000515220279f, -0.000285613613f, -0.00015814403f, -8.75071346e-05f, -4.84035809e-05f,
     -2.67685537e-05f, -1.48021372e-05f, -8.18460012e-06f, -4.5253887e-06f, -2.50210883e-06f,
     -1.38341363e-06f, -7.64883737e-07f, -4.22899745e-07f, -2.33818383e-07f, -1.29276472e-07f,
     -7.14759736e-08f, -3.95185076e-08f, -2.18494716e-08f, -1.20803989e-08f, -6.67915634e-09f, 0.0f},
    {-0.00867050234f, -0.00597434118f, -0.000943756895f, 0.00221280544f, 0.00287914439f, 0.00233218749f,
     0.00156953838f, 0.000964237552f, 0.000564624788f, 0.000322168489f, 0.000181241747f,
     0.000101170874f, 5.62330242e-05f, 3.11817275e-05f, 1.72679793e-05f, 9.55585074e-06f,
     5.28596047e-06f, 2.92336244e-06f, 1.61654748e-06f, 8.93850654e-07f, 4.94225674e-07f,
     2.73260383e-07f, 1.51085601e-07f, 8.35346725e-08f, 4.61858534e-08f, 2.5535849e-08f,
     1.41185854e-08f, 7.80605891e-09f, 4.31590896e-09f, 2.3862321e-09f, 1.31932887e-09f, 0.0f},
    {-2.25214353e-06f, 0.0011878378f, 0.00112861698f, 0.000437435054f, -4.1356423e-05f,
     -0.000190232677f, -0.000177156267f, -0.000124412865f, -7.77382011e-05f, -4.58739742e-05f,
     -2.62753692e-05f, -1.48110094e-05f, -8.27638996e-06f, -4.60283718e-06f, -2.55311465e-06f,
     -1.41412045e-06f, -7.82628035e-07f, -4.32944915e-07f, -2.39444006e-07f, -1.32408744e-07f,
     -7.32144869e-08f, -4.0481769e-08f, -2.23826753e-08f, -1.23753958e-08f, -6.84231605e-09f,
     -3.78307963e-09f, -2.09164019e-09f, -1.15645271e-09f, -6.39393982e-10f, -3.53515994e-10f,
     -1.95456207e-10f, 0.0f},
    {0.000313253549f, 0.000119706456f, -0.000111133995f, -0.000130894885f, -5.85667003e-05f,
     -8.30016688e-06f, 8.97039445e-06f, 1.05680401e-05f, 7.85487009e-06f, 5.01362501e-06f,
     2.98698546e-06f, 1.71893839e-06f, 9.71307259e-07f, 5.43474016e-07f, 3.02461558e-07f,
     1.6783504e-07f, 9.29802937e-08f, 5.14648519e-08f, 2.8471872e-08f, 1.57471796e-08f, 8.70811334e-09f,
     4.81514251e-09f, 2.66240563e-09f, 1.47206913e-09f, 8.1390944e-10f, 4.50008336e-10f,
     2.48807336e-10f, 1.37563988e-10f, 7.60581528e-11f, 4.20519834e-11f, 2.3250216e-11f, 0.0f},
    {-1.5803711e-05f, -4.79023402e-05f, -2.11979677e-05f, 9.28830923e-06f, 1.15588673e-05f,
     5.19317382e-06f, 1.12578334e-06f, -2.84814234e-07f, -5.16154557e-07f, -4.10740398e-07f,
     -2.68300738e-07f, -1.61443879e-07f, -9.33539397e-08f, -5.28808037e-08f, -2.96269747e-08f,
     -1.65000476e-08f, -9.15935683e-09f, -5.0753397e-09f, -2.80954193e-09f, -1.55442137e-09f,
     -8.59747551e-10f, -4.75445516e-10f, -2.62899952e-10f, -1.45364443e-10f, -8.03736383e-11f,
     -4.44387964e-11f, -2.45701168e-11f, -1.35847011e-11f, -7.51089642e-12f, -4.15272244e-12f,
     -2.29600909e-12f, 0.0f},
};

AD_INLINE vec vtanh(vec x) {
    const vec shift = vset(12582912.0f), scale = vset(3.375f);
    const vec size = vmin(vset(9.1851852f), vabs(x)), n = vfma(size, scale, shift);
    const vec t = vfms(size, scale, vsub(n, shift));
    vec y = vlookup(tanh_table[6], n);
    AD_UNROLL for (int d = 5; d >= 0; d--) y = vfma(y, t, vlookup(tanh_table[d], n));
    return vwith_sign(y, x);
}

#else

/* tanh(x) = e / (e + 2) with e = exp(2x) - 1 = 2^n (exp(r) - 1) + (2^n - 1): no cancellation for small x,
 * where n = 0. From 9.02 on the result is 1 in float. */
AD_INLINE vec vtanh(vec x) {
    vec n, r = exp_reduce(vmin(vset(20), vadd(vabs(x), vabs(x))), &n);
    vec power = vscale_power(vset(1), n);
    vec e = vfma(power, expm1_core(r), vsub(power, vset(1)));
    return vcopysign(vquotient(e, vadd(e, vset(2))), x);
}

#endif

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

/* x = n pi/2 + r, |r| <= 0.8 [Cody & Waite 1980]; returns r. pi/2 in three parts; the first product is
 * subtracted without an error, because what remains is a multiple of 2^-24 below 1. */
#define TURNS_LIMIT 131072.0f

AD_INLINE vec turn_reduce(vec x, vec *n) {
    *n = vround(vmul(x, vset(0.636619747f)));
    vec r = vfnma(*n, vset(1.57079637f), x);
    r = vfnma(*n, vset(-4.37113883e-8f), r);
    return vfnma(*n, vset(-1.71512451e-15f), r);
}

/* Half of the whole number n, rounded down; *odd = the rest. */
AD_INLINE vec halved(vec n, vec *odd) {
    vec half = vround(vfma(n, vset(0.5f), vset(-0.25f)));
    *odd = vfnma(half, vset(2), n);
    return half;
}

/* sin(r + n pi/2). sin(r) = r + r^3 p(r^2), cos(r) = 1 - r^2 / 2 + r^4 q(r^2); p to 2^-37 and q to 2^-32 of
 * the result */
AD_INLINE vec turned_sine(vec r, vec n) {
    const vec z = vmul(r, r);
    vec p = vset(2.7157319477e-6f), q = vset(2.4409480627e-5f), odd, back;
    p = vfma(p, z, vset(-1.9839054797e-4f));
    p = vfma(p, z, vset(8.3333284826e-3f));
    p = vfma(p, z, vset(-1.6666666634e-1f));
    q = vfma(q, z, vset(-1.3887106586e-3f));
    q = vfma(q, z, vset(4.1666641329e-2f));
    const vec sine = vfma(vmul(r, z), p, r), cosine = vfma(vmul(z, z), q, vfma(vset(-0.5f), z, vset(1)));
    halved(halved(n, &odd), &back);
    const vec y = vselect(vgt(odd, vzero()), cosine, sine);
    return vselect(vgt(back, vzero()), vneg(y), y);
}

/* Entries beyond the limit, an infinity among them, are rare enough to be taken one by one. */
static vec far_turns(vec x, vec y, double (*exact)(double)) {
    real from[W], to[W];
    vstore(from, x);
    vstore(to, y);
    for (int i = 0; i < W; i++)
        if (from[i] > TURNS_LIMIT || from[i] < -TURNS_LIMIT) to[i] = (real)exact((double)from[i]);
    return vload(to);
}

/* A sine as small as its argument: keeps the sign of zero, and NaN. */
AD_INLINE vec vsin(vec x) {
    vec n, r = turn_reduce(x, &n), y = vselect(vgt(vabs(x), vset(1e-4f)), turned_sine(r, n), x);
    return vany(vgt(vabs(x), vset(TURNS_LIMIT))) ? far_turns(x, y, sin) : y;
}

AD_INLINE vec vcos(vec x) {
    vec n, r = turn_reduce(x, &n), y = turned_sine(r, vadd(n, vset(1)));
    return vany(vgt(vabs(x), vset(TURNS_LIMIT))) ? far_turns(x, y, cos) : y;
}
