"""Finance: present values, option prices and their greeks, risk of returns, yield curves."""

import numpy as np

from tests.packages.cases import of

npf = of("numpy-financial", "numpy_financial")
vollib = of("vollib", "vollib.ref_python.black_scholes")
greeks = of("vollib", "vollib.black_scholes.greeks.analytical")
black = of("vollib", "vollib.ref_python.black")
implied = of("vollib", "vollib.ref_python.black_scholes.implied_volatility")
fast = of("vollib", "vollib.black_scholes")
risk = of("empyrical-reloaded", "empyrical")
curve = of("nelson-siegel-svensson", "nelson_siegel_svensson")

FLOWS = np.array([-100.0, 30.0, 40.0, 50.0, 20.0])
OPTION = (100.0, 95.0, 0.5, 0.03, 0.25)
OTHER = (80.0, 95.0, 1.5, 0.01, 0.4)
RETURNS = np.array([0.011, -0.004, 0.007, -0.012, 0.009, 0.003, -0.006, 0.014])
MARKET = np.array([0.008, -0.003, 0.005, -0.010, 0.012, 0.001, -0.004, 0.009])
LATER = (RETURNS[::-1] * 1.1 + 0.001, MARKET)
TIMES = np.array([0.5, 1.0, 2.0, 5.0, 10.0])

CASES = [
    npf("npv", (0.05, FLOWS)),
    npf("pmt", (0.01, 60.0, 1000.0)),
    npf("pv", (0.01, 60.0, -10.0)),
    npf("fv", (0.01, 12.0, -10.0, -100.0)),
    npf("nper", (0.01, -20.0, 1000.0)),
    npf("ipmt", (0.01, 1000.0), call=lambda m, rate, pv: m.ipmt(rate, 5, 60, pv)),
    npf("ppmt", (0.01, 1000.0), call=lambda m, rate, pv: m.ppmt(rate, 5, 60, pv)),
    npf("rate", (10.0, -100.0, -300.0, 2000.0)),
    npf("irr", (FLOWS,)),
    npf("mirr", (FLOWS, 0.1, 0.12)),
    vollib("black_scholes (call)", OPTION, OTHER, call=lambda m, *numbers: m.black_scholes("c", *numbers)),
    vollib("black_scholes (put)", OPTION, OTHER, call=lambda m, *numbers: m.black_scholes("p", *numbers)),
    fast("black_scholes", OPTION, OTHER, call=lambda m, *numbers: m.black_scholes("c", *numbers)),
    greeks("delta", OPTION, OTHER, call=lambda m, *numbers: m.delta("c", *numbers)),
    greeks("gamma", OPTION, OTHER, call=lambda m, *numbers: m.gamma("c", *numbers)),
    greeks("vega", OPTION, OTHER, call=lambda m, *numbers: m.vega("c", *numbers)),
    greeks("theta", OPTION, OTHER, call=lambda m, *numbers: m.theta("p", *numbers)),
    greeks("rho", OPTION, OTHER, call=lambda m, *numbers: m.rho("p", *numbers)),
    black("black", OPTION, OTHER, call=lambda m, *numbers: m.black("p", *numbers)),
    implied("implied_volatility", (12.0, 100.0, 95.0, 0.5, 0.03), call=lambda m, *numbers: m.implied_volatility(*numbers, "c")),
    risk("sharpe_ratio", (RETURNS,), LATER[:1]),
    risk("sortino_ratio", (RETURNS,), LATER[:1]),
    risk("annual_volatility", (RETURNS,), LATER[:1]),
    risk("annual_return", (RETURNS,), LATER[:1]),
    risk("downside_risk", (RETURNS,), LATER[:1]),
    risk("cum_returns", (RETURNS,), LATER[:1]),
    risk("cum_returns_final", (RETURNS,), LATER[:1]),
    risk("max_drawdown", (RETURNS,), LATER[:1]),
    risk("calmar_ratio", (RETURNS,), LATER[:1]),
    risk("omega_ratio", (RETURNS,), LATER[:1]),
    risk("beta", (RETURNS, MARKET), LATER),
    risk("alpha", (RETURNS, MARKET), LATER),
    risk("value_at_risk", (RETURNS,), LATER[:1]),
    risk("conditional_value_at_risk", (RETURNS,), LATER[:1], cutoff=0.3),
    risk("tail_ratio", (RETURNS,), LATER[:1]),
    risk("excess_sharpe", (RETURNS, MARKET), LATER),
    curve("NelsonSiegelCurve.zero", (0.05, -0.02, 0.01, 2.0), call=lambda m, *betas: m.NelsonSiegelCurve(*betas).zero(TIMES)),
    curve("NelsonSiegelCurve.forward", (0.05, -0.02, 0.01, 2.0), call=lambda m, *betas: m.NelsonSiegelCurve(*betas).forward(TIMES)),
    curve("NelsonSiegelSvenssonCurve.zero", (0.05, -0.02, 0.01, 0.02, 2.0, 4.0),
          call=lambda m, *betas: m.NelsonSiegelSvenssonCurve(*betas).zero(TIMES)),
]
