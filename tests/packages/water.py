"""Hydrology and oceanography: goodness of fit of streamflow, and the properties of sea water."""

import numpy as np

from tests.packages.cases import of

error = of("HydroErr")
evaluate = of("hydroeval")
sea = of("seawater")

FLOW, SEEN = np.array([5.0, 7.2, 9.1, 2.3, 4.8, 6.6]), np.array([4.7, 6.9, 9.6, 2.9, 4.1, 7.1])
SALT, WARM, DEEP = np.array([34.5, 35.1, 34.9]), np.array([28.2, 12.7, 4.3]), np.array([10.0, 500.0, 3000.0])

CASES = [
    *[error(name, (FLOW, SEEN), (SEEN[::-1] + 0.05, FLOW)) for name in (
        "nse", "kge_2009", "kge_2012", "rmse", "mae", "pearson_r", "r_squared", "mle", "rmsle", "d", "dr", "ve", "sa", "sid", "lm_index",
        "nrmse_range", "mapd", "smape1", "watt_m", "mb_r", "h1_rmshe", "mase", "acc", "mdae", "spearman_r")],
    *[evaluate(name, (FLOW, SEEN), (SEEN[::-1] + 0.05, FLOW)) for name in ("nse", "kge", "kgeprime", "kgenp", "rmse", "mare", "pbias", "nse_c2m")],
    sea("dens", (SALT, WARM, DEEP)),
    sea("dens0", (SALT, WARM)),
    sea("svel", (SALT, WARM, DEEP)),
    sea("ptmp", (SALT, WARM, DEEP)),
    sea("cp", (SALT, WARM, DEEP)),
    sea("fp", (SALT, DEEP)),
    sea("adtg", (SALT, WARM, DEEP)),
    sea("alpha", (SALT, WARM, DEEP)),
    sea("beta", (SALT, WARM, DEEP)),
    sea("cndr", (SALT, WARM, DEEP)),
    sea("salt", (np.array([1.0, 1.1, 0.9]), WARM, DEEP)),
    sea("dpth", (DEEP, 30.0)),
    sea("pres", (DEEP, 30.0)),
    sea("satO2", (SALT, WARM)),
    sea("gpan", (SALT, WARM, DEEP)),
    sea("g", (30.0, 100.0)),
    sea("swvel", (10.0, 100.0)),
    sea("bfrq", (SALT[:, None], WARM[:, None], DEEP[:, None]), call=lambda m, s, t, p: m.bfrq(s, t, p, 30.0)[0]),
    sea("dist", (np.array([10.0, 12.0, 13.0]), np.array([20.0, 21.0, 25.0])), call=lambda m, lat, lon: m.dist(lat, lon)[0]),
]
