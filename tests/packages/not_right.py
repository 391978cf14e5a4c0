"""The functions that are not right today, and why. What is mended goes from here: the tests fail until it does."""

REFUSED: dict[str, tuple[str, ...]] = {
    "arrays of dtype complex128 cannot be traced": (
        "iapws._iapws._Ice", "control.ss (dcgain)", "control.ss (frequency response)", "skrf.tlineFunctions.zl_2_zin",
        "skrf.mathFunctions.dbdeg_2_reim", "nvector.geodesic_distance", "miepython.small_sphere", "lmfit.lineshapes.voigt",
        "lmfit.lineshapes.skewed_voigt", "lmfit.lineshapes.pearson4", "seawater.dist"),
    "can not convert to array": (
        "transformations.quaternion_slerp_py", "transformations.rotation_matrix_py", "transformations.projection_matrix_py",
        "transformations.shear_matrix_py", "transformations.angle_between_vectors"),
    "in sklearn.externals.array_api_compat.numpy._aliases.asarray": (
        "sklearn.metrics.mean_squared_error", "sklearn.metrics.mean_absolute_error", "sklearn.metrics.r2_score",
        "sklearn.metrics.mean_pinball_loss", "sklearn.metrics.pairwise.rbf_kernel"),
    "arrays of dtype object cannot be traced": (
        "pythermalcomfort.models.pmv_ppd_iso", "pythermalcomfort.models.heat_index_rothfusz", "pythermalcomfort.models.utci",
        "pythermalcomfort.models.discomfort_index"),
    "cannot become a plain NumPy array": (
        "skyfield.nutationlib.iau2000b", "pykalman.KalmanFilter.filter", "pykalman.KalmanFilter.loglikelihood",
        "ahrs.filters.EKF.update"),
    "a bytes-like object is required, not 'Tracer'": (
        "ahrs.filters.Madgwick.updateIMU", "ahrs.filters.Mahony.updateIMU", "ahrs.filters.AngularRate.update"),
    "a traced value is written into a plain array of shape (4, 4)": (
        "tmm.coh_tmm", "tmm.unpolarized_RT", "tmm.inc_tmm"),
    "in cmath.atanh": (
        "thermo.PR.V_g", "thermo.SRK.V_l", "thermo.RK.fugacity_g"),
    "an array of dtype complex128": (
        "skrf.tlineFunctions.zl_2_Gamma0", "skrf.tlineFunctions.zl_2_swr"),
    "in transformations._transformations.euler_matrix": (
        "transformations.euler_matrix", "transformations.euler_from_matrix"),
    "numpy.fmax.accumulate cannot be traced": (
        "empyrical.max_drawdown", "empyrical.calmar_ratio"),
    "a traced value is written into a plain array of shape (1, 1)": (
        "control.tf (frequency response)",),
    "a traced value is written into a plain array of shape (2,)": (
        "prysm.thinfilm.multilayer_stack_rt",),
    "an array of dtype object": (
        "pythermalcomfort.models.humidex",),
    "called back by scipy.integrate._odepack_py.odeint": (
        "fluids.integrate_drag_sphere",),
    "called back by scipy.integrate._quadpack_py.quad": (
        "fluids.geometry.V_horiz_torispherical",),
    "called back by scipy.optimize._elementwise.find_minimum": (
        "pvlib.pvsystem.singlediode",),
    "called back by scipy.optimize._zeros_py.brentq": (
        "vollib.ref_python.black_scholes.implied_volatility.implied_volatility",),
    "called back by scipy.optimize._zeros_py.newton": (
        "pvlib.pvsystem.max_power_point",),
    "in scipy.interpolate._fitpack_py.splev": (
        "pvlib.irradiance.perez_driesse",),
    "in scipy.interpolate._fitpack_py.splrep": (
        "PyAstronomy.pyasl.unred",),
    "in scipy.linalg._misc.norm": (
        "peakutils.baseline",),
    "in scipy.stats._stats_py.rankdata": (
        "HydroErr.spearman_r",),
    "in transformations._transformations.rotation_matrix": (
        "transformations.rotation_matrix",),
    "np.median along an axis of length": (
        "HydroErr.mdae",),
    "np.quantile along an axis of length": (
        "empyrical.tail_ratio",),
    "numpy._crps_ensemble_gufunc cannot be traced": (
        "properscoring.crps_ensemble",),
    "numpy.linalg.eig cannot be traced": (
        "transforms3d.axangles.mat2axangle",),
    "numpy.roots cannot be traced": (
        "numpy_financial.irr",),
    "numpy.unique cannot be traced": (
        "properscoring.brier_score",),
    "the shape of a traced array f64[3, 1, 1] is set": (
        "skyfield.keplerlib.propagate",),
    "an array of dtype complex128 with a traced length": (
        "miepython.i_unpolarized", "miepython.efficiencies_mx", "miepython.efficiencies"),
}
"""Words of the refusal -> the functions that are refused with them."""

FAULTS: dict[str, tuple[str, ...]] = {}
"""What is wrong with us -> the functions: wrong numbers, exceptions that the plain call does not raise, refusals that name no line."""
