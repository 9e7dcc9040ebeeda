"""What random programs call: rows of the built-in functions and of the library.

In a row, `$r` stands for a number, `$s` for one between -1 and 1, `$p` for a positive one, `$u` for
one between 0 and 1, `$n` for a whole number, `$k` for an index of the dim of the row; `$v` is a vector of that
dim, `$P` one of positive numbers, `$X` a point of the simplex, `$O` one in order, `$m` a square
matrix, `$S` a positive definite one, `$L` its Cholesky factor, `$C` the factor of correlations,
`$d` the dim itself; `$[A, B]` is an array of that shape. Arguments lie inside of the domain of the function, and
away from its kinks by numbers that nothing else in a program makes."""

# functions of numbers
SCALAR = """
sin($r) | cos($r) | tanh($r) | exp($s) | log(1 + $r^2) | sqrt(1 + $r^2) | atan($r) | sigmoid($r) | softplus($r)
abs($r + 0.0119) | relu($r - 0.0157) | erf($r) | -$r | $r^2 | $r^3 | log1p(exp($s)) | expm1($s) | 1 / (2 + $r^2)
lgamma(1 + $p) | log(1 + exp($r)) | sqrt($r^2 + 0.5) | floor($r + 0.0139) | silu($r) | (1.5 + sin($r))^1.3 | 1.2^$s
digamma($p) | asinh($r) | cosh($s) | ceil($r + 0.0139) | round($r + 0.0139) | trunc($r + 0.0139) | sign($r + 0.0113)
step($r + 0.0113) | exp2($s) | log2($p) | log10($p) | log1p($u) | log1pexp($r) | log1mexp(-$p) | logistic($r)
logistic_slope($r) | cbrt($p) | tan($s) | asin(0.9 * $s) | acos(0.9 * $s) | circle(0.9 * $s) | sinh($s) | sech($r)
acosh(1 + $p) | atanh(0.8 * $s) | erfc($r) | Phi($r) | log_Phi($r) | inv_Phi($u) | inv_Phi_slope($u) | mills($s)
mills_shift($s) | tgamma(1 + $p) | trigamma($p) | tetragamma($p) | polygamma(2, 1 + $p) | hurwitz_zeta(2.5, 1 + $p)
clamp($r + 0.0119, -1, 1) | clamp($r, -0.7119, 0.9 + $u) | fmod($r, 3.0117 + $u) | fma($r, $r, $s) | xlogy($r, $p)
xlog1py($s, $u) | hypot(1 + $p, $r) | unit($r, $p) | atan2($s, $p) | max($r, $s + 0.0137) | min($r, $s - 0.0173)
max($r, $s + 0.0137, 0.0123) | (2 + tanh($r))^-1 * $s^2 + 0 * $r | $p^$s | $p^-0.5 | ($r - $s) / (1 + $r^2) | stop_gradient($r) * $s
$r * (1 + stop_gradient($r)^2) | log(sigmoid($r)) | log(1 - $u) | 1 - exp($s) | exp(log($p)) | sqrt(($r + 0.0117)^2) | log($p / $p)
log_sigmoid($r) | relu6($r + 0.0119) | leaky_relu($r + 0.0119, 0.1) | elu($r + 0.0119, $p) | celu($r + 0.0119, $p)
selu($r + 0.0119) | gelu($r) | gelu_tanh($r) | swish($r) | mish($r) | softsign($r + 0.0119) | hard_tanh($r + 0.0119)
hard_sigmoid($r + 0.0119) | hard_swish($r + 0.0119) | tanh_shrink($r) | soft_shrink($r + 0.0119, 0.3) | hard_shrink($r + 0.0119, 0.3)
square($r) | inv_sqrt($p) | inv_square($p) | fdim($r, $s + 0.0117) | radians($r) | 0.01 * degrees($s) | sinc($p)
logit($u) | inv_logit($r) | log_inv_logit($r) | log1m_inv_logit($r) | inv_cloglog($s) | cloglog($u) | log1m($u)
log_add_exp($r + 0.0117, $s) | log_diff_exp(1 + $p, $s) | log_mix($u, $r, $s + 0.0117) | log_beta($p, $p + 0.0117)
lbeta($p + 0.0117, $p) | log_choose(4 + $p, 1 + $p) | lchoose(5, 2 + $s) | log_rising_factorial($p, 2 + $u)
log_falling_factorial(4 + $p, 1 + $u) | multi_lgamma(2 + $p, 3) | log_bessel_i0($p) | log_bessel_i0_scaled($p)
squared_error($r, $s) | absolute_error($r + 0.0117, $s) | huber($r + 0.0117, $p) | smooth_l1($r + 0.0117, $p)
pseudo_huber($r, $p) | log_cosh($r + 0.0117) | cauchy_loss($r, $p) | tukey_loss($r + 0.0117, 1 + $p)
quantile_loss($r + 0.0117, 0.3) | epsilon_insensitive($r + 0.0117, 0.2) | hinge($r + 0.0117, 1) | squared_hinge($r + 0.0117, -1)
exponential_loss($s, 1) | log_loss($u, 1) | log_loss($u, 0) | logit_loss($r, 1) | focal_loss($r, 1, 2)
poisson_loss($p, 2) | gaussian_loss($r, $p, $s) | lower_bound_constrain($s, $r) | lower_bound_unconstrain(2 + $p, $s)
upper_bound_constrain($s, $r) | upper_bound_unconstrain($s, 1 + $p) | interval_constrain($r, $s, 1 + $p)
interval_unconstrain($s, -1.5, 1.5)
"""

# log densities, distribution functions and log probabilities; their values may be large
DENSITY = """
normal_lpdf($r, $r, $p) | std_normal_lpdf($r) | student_t_lpdf($r, 2 + $p, $r, $p) | cauchy_lpdf($r, $r, $p)
double_exponential_lpdf($r + 0.0117, $r, $p) | laplace_lpdf($r + 0.0117, $s, $p) | skew_double_exponential_lpdf($r + 0.0117, $s, $p, $u)
logistic_lpdf($r + 0.0117, $r, $p) | gumbel_lpdf($s, $s, 1 + $p) | skew_normal_lpdf($s, $s, $p, $s) | exp_mod_normal_lpdf($r, $s, $p, $p)
von_mises_lpdf($r, $s, $p) | lognormal_lpdf($p, $r, $p) | chi_square_lpdf($p, 1 + $p) | inv_chi_square_lpdf($p, 1 + $p)
scaled_inv_chi_square_lpdf($p, 1 + $p, $p) | exponential_lpdf($p, $p) | gamma_lpdf($p, $p, $p) | inv_gamma_lpdf($p, $p, $p)
weibull_lpdf($p, $p, $p) | frechet_lpdf(1 + $p, $p, $p) | rayleigh_lpdf($p, $p) | loglogistic_lpdf($p, $p, $p)
pareto_lpdf(3 + $p, $p, $p) | pareto_type_2_lpdf(2 + $p, $s, $p, $p) | beta_lpdf($u, $p, $p + 0.0117) | beta_proportion_lpdf($u, $u, 2 + $p)
uniform_lpdf($s, -2, 1 + $p) | normal_lcdf($r, $s, $p) | normal_lccdf($r, $s, $p) | normal_cdf($r, $s, $p) | std_normal_lcdf($r)
std_normal_lccdf($r) | lognormal_lcdf($p, $s, $p) | lognormal_lccdf($p, $s, $p) | cauchy_lcdf($r, $s, $p) | cauchy_lccdf($r, $s, $p)
double_exponential_lcdf($r + 0.0117, $s, $p) | double_exponential_lccdf($r + 0.0117, $s, $p) | logistic_lcdf($r, $s, $p)
logistic_lccdf($r, $s, $p) | gumbel_lcdf($s, $s, 1 + $p) | gumbel_lccdf($s, $s, 1 + $p) | exponential_lcdf($p, $p) | exponential_lccdf($p, $p)
weibull_lcdf($p, $p, $p) | weibull_lccdf($p, $p, $p) | frechet_lcdf(1 + $p, $p, $p) | frechet_lccdf(1 + $p, $p, $p) | rayleigh_lcdf($p, $p)
rayleigh_lccdf($p, $p) | loglogistic_lcdf($p, $p, $p) | loglogistic_lccdf($p, $p, $p) | pareto_lcdf(3 + $p, $p, $p)
pareto_lccdf(3 + $p, $p, $p) | uniform_lcdf($s, -2, 1 + $p) | uniform_lccdf($s, -2, 1 + $p) | bernoulli_lpmf(1, $u)
bernoulli_logit_lpmf(0, $r) | binomial_lpmf(2, 5, $u) | binomial_logit_lpmf(3, 5, $r) | beta_binomial_lpmf(2, 5, $p, $p + 0.0117)
hypergeometric_lpmf(1, 2, 3, 4) * $r | geometric_lpmf(2, $u) | poisson_lpmf(3, $p) | poisson_log_lpmf(2, $s) | neg_binomial_lpmf(2, $p, $p)
neg_binomial_2_lpmf(3, $p, $p) | neg_binomial_2_log_lpmf(1, $s, $p) | discrete_range_lpmf(2, 0, 4) * $r
dirichlet_lpdf($X, $P) | categorical_lpmf($k, $X) | categorical_logit_lpmf($k, $v) | ordered_logistic_lpmf($k, $r, $O)
multinomial_lpmf([2, 0, 1], [$u, $u, 0.2]) | multinomial_logit_lpmf([2, 0, 1], [$r, $r, $r]) | dirichlet_multinomial_lpmf([1, 2, 0, 1], [$p, $p, $p, $p])
"""

# functions of vectors and matrices whose value is a number
WHOLE = """
dot($v, $v) | norm([1.5, $r, $r]) | sum(cross([$r, $r, $s], [$s, $r, 1])) | norm1($v + 0.0117) | distance($v, 2 + $P) | squared_distance($v, $v)
cosine_similarity(2 + $v^2, $P) | sum(normalize($P)) | trace($m) | polynomial($s, $v) | variance($v) | sd([$r, 3 + $p, $s])
covariance($v, $v) | correlation([1, $r, 4 + $s], [$s, 2 + $s, 7]) | entropy($X) | log_sum_exp($v) | cross_entropy($v, $k)
smoothed_cross_entropy($v, $k, 0.1) | kl_divergence($X, $X) | triplet_loss($v, 3 + $P, 2 * $v, 0.5117) | sum(outer($v, $[A])^2)
sum(dense($[B], $[A, B], $[A])) | sum(conv1d($[A, C], $[B, A, 2], $[B])) | sum(0.3 * conv2d($[1, 3, C], $[2, 1, 2, 2], $[2]))
sum(max_pool([[[0.1, $r, 2.3, $s], [$r, 0.7, $s + 0.0113, 0.2]]], 2)) | sum(avg_pool($[1, C, 2], 2)) | sum(global_avg_pool($[A, 2, 2]))
sum(sin(layer_norm([1, $r, 3 + $s], [$s, 1, $r], [$r, 0, 1]))) | sum(rms_norm(1 + $v, $v)) | sum(sin(instance_norm($[A, B, 2] + [0.7 * j for i in A, j in B, k in 2], $[A], $[A])))
sum(rnn_cell($[B], $[A], $[A, B], $[A, A], $[A])) | sum(gru_cell($[B], $[A], $[3, A, B], $[3, A, A], $[3, A], $[A])) | sum(attention($[B], $[C, B], $[C, A]))
sum(simplex_constrain($v)^2) | sum(ordered_constrain($v)) | sum(ordered_unconstrain([$s - 2, 0.7 + $s, 3 + $s])) | sum(simplex_unconstrain($X))
max($v) | min($v) | mean($v) | prod(1 + 0.3 * tanh($v)) | logsumexp($v) | argmax($v) * $r | argmin($v) * $s
sum(lower_triangular_constrain([$r, $s, 0.3], 2)) | sum(zeros($d) + $r) | sum(ones(A, $d) * $r) | sum(concat($v, [$r, $s])^2) | sum($m @ $m)
sum($v @ $m) | ($v @ $v) | sum($m' * $m) | sum([$v, $v]) | sum([[$r, $s], [$s, $r]] @ [$r, $s]) | sum(normal_lpdf($v, $r, $P)) * 0.1
sum(huber($v + 0.0117, 0.8)) | sum(if $v[0] > 0.0127 then $v else $P) | any($v > 0.0129) * $r | all($v > -2.0129) * $s | sum($m[0]) | sum($m[:, 0])
sum(euler(sin, $v, 0.2)) | sum(rk4(tanh, $v, 0.3)) | sum(atan2($v, 2 + $P)) | sum($v[..1] * $s) | sum($v^2 + $m) | max(max($v), 1.0117)
"""

# linear algebra
LINEAR = """
logdet($S) | dot($v, solve($S, $v)) | sum(cholesky($S)) | trace(inv($S)) | sum(solve_lower($L, $v)) | sum(solve_upper($L', $v)) | det($S) * 0.01
sum(solve_spd($S, $v)) | sum(inv_spd($S)) | logdet_spd($S) | sum(solve_cholesky($L, $v)) | sum(solve($S, $m)) | quadratic_form($S, $v)
trace(identity($d) * $m) | sum(diag($v) @ $v) | sum(diag($m)) | 0.1 * multi_normal_lpdf($v, $v, $S) | 0.1 * multi_normal_cholesky_lpdf($v, $v, $L)
0.1 * multi_normal_prec_lpdf($v, $v, $S) | 0.1 * multi_student_t_cholesky_lpdf($v, 3 + $p, $v, $L) | 0.1 * multi_student_t_lpdf($v, 3, $v, $S)
0.1 * lkj_corr_cholesky_lpdf($C, 1 + $p) | 0.1 * lkj_corr_lpdf($C @ $C', 1 + $p) | 0.1 * wishart_lpdf($S, 5 + $p, $S) | 0.1 * inv_wishart_lpdf($S, 5, $S)
sum(solve_spd($S, $m)) | sum(solve_lower($L, $m)) | sum([solve($S, $m[i]) for i in $d])
"""

# vectors of the dim
VECTOR = """
softmax($v) | log_softmax($v) | tanh($v) | sin($v) | normalize($P) | $m @ $v | $v @ $m | sigmoid($v) | $v + $r | $v * $v | $v - $s * $v
$v / (1 + $v^2) | if $r > 0.0131 then $v else $P | layer_norm(tanh($v) + [2.2 * j for j in $d], $v, $v) | rms_norm($P, $v) | dense($v, $m, $v) | rnn_cell($v, $v, $m, $m, $v)
max($v, $P) | atan2($v, $P) | $m[0] | $m[:, 0] | diag($m) | ordered_constrain($v) | euler(cos, $v, 0.1) | rk4(tanh, $v, 0.2) | 0.1 * normal_lpdf($v, $s, $P)
polynomial($v, [1, $s, 0.3]) | [mean($m[:, j]) for j in $d] | attention($v, $m, $m) | stop_gradient($v) | -$v | $v^2 | zeros($d) + $v | ones($d)
"""

# square matrices of the dim
MATRIX = """
$m @ $m | $m' | $m + $r | $m * $m | outer($v, $v) | $m - [mean($m[:, j]) for j in $d] | tanh($m) | softmax($m) | diag($v) | identity($d) * $r | $m + $v
"""


def rows(text):
    return [row.strip() for line in text.strip().splitlines() for row in line.split(" | ")]


SCALAR, DENSITY, WHOLE, LINEAR, VECTOR, MATRIX = map(rows, (SCALAR, DENSITY, WHOLE, LINEAR, VECTOR, MATRIX))
