"""The functions that are not right today, and why. What is mended goes from here: the tests fail until it does."""

REFUSED: dict[str, tuple[str, ...]] = {
    "cannot become a plain NumPy array": (
        "skyfield.nutationlib.iau2000b", "pykalman.KalmanFilter.filter", "pykalman.KalmanFilter.loglikelihood",
        "pytransform3d.transformations.dual_quaternion_from_transform", "spatialmath.base.qqmul", "ahrs.common.orientation.ecompass",
        "ahrs.filters.EKF.update"),
    "cannot reshape array of size 4 into shape ()": (
        "pyquaternion.Quaternion.rotate", "pyquaternion.Quaternion.__mul__", "pyquaternion.Quaternion.slerp",
        "pyquaternion.Quaternion.exp", "pyquaternion.Quaternion.rotation_matrix", "pyquaternion.Quaternion.yaw_pitch_roll"),
    "in scipy.stats._distn_infrastructure.rv_continuous.cdf": (
        "filterpy.stats.norm_cdf", "vollib.ref_python.black_scholes.black_scholes (call)",
        "vollib.ref_python.black_scholes.black_scholes (put)", "vollib.ref_python.black.black",
        "vollib.ref_python.black_scholes.implied_volatility.implied_volatility"),
    "next() of the generator in a compiled function": (
        "sklearn.metrics.mean_squared_error", "sklearn.metrics.mean_absolute_error", "sklearn.metrics.r2_score",
        "sklearn.metrics.mean_pinball_loss", "sklearn.metrics.pairwise.rbf_kernel"),
    "in bottleneck.reduce.nanmean": (
        "empyrical.sortino_ratio", "empyrical.downside_risk", "empyrical.beta", "empyrical.alpha"),
    "numpy.lib.scimath.arcsin cannot be traced": (
        "prysm.thinfilm.snell_aor", "prysm.thinfilm.multilayer_stack_rt", "tmm.snell", "tmm.inc_tmm"),
    "in bottleneck.reduce.nanstd": (
        "empyrical.sharpe_ratio", "empyrical.annual_volatility", "empyrical.excess_sharpe"),
    "in cmath.atanh": (
        "thermo.PR.V_g", "thermo.SRK.V_l", "thermo.RK.fugacity_g"),
    "in scipy.stats._multivariate.multivariate_normal_gen.logpdf": (
        "filterpy.kalman.KalmanFilter.log_likelihood", "filterpy.kalman.InformationFilter", "filterpy.stats.logpdf"),
    "np.cumprod with out= cannot be traced": (
        "empyrical.cum_returns", "empyrical.max_drawdown", "empyrical.calmar_ratio"),
    "an array of dtype complex128": (
        "skrf.tlineFunctions.zl_2_Gamma0", "skrf.tlineFunctions.zl_2_swr"),
    "in numpy.complex128": (
        "miepython.efficiencies_mx", "miepython.efficiencies"),
    "in scipy.linalg._decomp_cholesky.cholesky": (
        "filterpy.kalman.UnscentedKalmanFilter", "filterpy.kalman.MerweScaledSigmaPoints.sigma_points"),
    "in scipy.linalg._special_matrices.block_diag": (
        "filterpy.common.Q_discrete_white_noise", "filterpy.common.Q_continuous_white_noise"),
    "in transformations._transformations.euler_matrix": (
        "transformations.euler_matrix", "transformations.euler_from_matrix"),
    "numpy.gamma cannot be traced": (
        "lmfit.lineshapes.students_t", "lmfit.lineshapes.pearson7"),
    "a traced value is written into a plain array of shape (1, 1)": (
        "control.tf (frequency response)",),
    "an array of dtype object": (
        "pythermalcomfort.models.humidex",),
    "called back by scipy.integrate._odepack_py.odeint": (
        "fluids.integrate_drag_sphere",),
    "called back by scipy.integrate._quadpack_py.quad": (
        "fluids.geometry.V_horiz_torispherical",),
    "called back by scipy.optimize._elementwise.find_minimum": (
        "pvlib.pvsystem.singlediode",),
    "called back by scipy.optimize._zeros_py.newton": (
        "pvlib.pvsystem.max_power_point",),
    "going through the generator": (
        "transforms3d.quaternions.mat2quat",),
    "haversine.haversine._haversine_kernel cannot be traced": (
        "haversine.haversine_vector",),
    "in scipy.interpolate._fitpack_py.splev": (
        "pvlib.irradiance.perez_driesse",),
    "in scipy.interpolate._fitpack_py.splrep": (
        "PyAstronomy.pyasl.unred",),
    "in scipy.linalg._basic.inv": (
        "filterpy.kalman.ExtendedKalmanFilter",),
    "in scipy.linalg._basic.pinv": (
        "peakutils.baseline",),
    "in scipy.linalg._matfuncs.expm": (
        "filterpy.common.van_loan_discretization",),
    "in scipy.linalg._solvers.solve_continuous_lyapunov": (
        "control.lyap",),
    "in scipy.linalg._solvers.solve_discrete_lyapunov": (
        "control.dlyap",),
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
    "numpy.copyto cannot be traced": (
        "skyfield.keplerlib.propagate",),
    "numpy.linalg.eig cannot be traced": (
        "transforms3d.axangles.mat2axangle",),
    "numpy.roots cannot be traced": (
        "numpy_financial.irr",),
    "numpy.unique cannot be traced": (
        "properscoring.brier_score",),
    "pythermalcomfort.models._pmv_ppd_optimized._pmv_ppd_optimized cannot be traced": (
        "pythermalcomfort.models.pmv_ppd_iso",),
    "pythermalcomfort.models.heat_index_rothfusz._rothfusz_heat_index_optimized cannot be traced": (
        "pythermalcomfort.models.heat_index_rothfusz",),
    "pythermalcomfort.models.utci._utci_optimized cannot be traced": (
        "pythermalcomfort.models.utci",),
}
"""Words of the refusal -> the functions that are refused with them."""

FAULTS: dict[str, tuple[str, ...]] = {
    "no line: arrays of dtype complex128 cannot be traced": (
        "iapws._iapws._Ice", "control.ss (dcgain)", "control.ss (frequency response)", "skrf.tlineFunctions.zl_2_zin",
        "skrf.mathFunctions.dbdeg_2_reim", "nvector.geodesic_distance", "miepython.small_sphere", "lmfit.lineshapes.voigt",
        "lmfit.lineshapes.skewed_voigt", "lmfit.lineshapes.pearson4", "seawater.dist"),
    "can not convert to array": (
        "transformations.quaternion_slerp_py", "transformations.rotation_matrix_py", "transformations.projection_matrix_py",
        "transformations.shear_matrix_py", "transformations.angle_between_vectors"),
    "a bytes-like object is required, not 'Tracer'": (
        "ahrs.filters.Madgwick.updateIMU", "ahrs.filters.Mahony.updateIMU", "ahrs.filters.AngularRate.update"),
    "wrong: gradient of jit, argument 0": (
        "pvlib.pvsystem.v_from_i", "pvlib.tracking.singleaxis", "thermofeel.calculate_heat_index_adjusted"),
    "Failed in nopython mode pipeline (step: nopython frontend)": (
        "haversine.haversine", "haversine.inverse_haversine"),
    "It's not clear which beam is incoming vs outgoing. Weird index maybe?": (
        "tmm.coh_tmm", "tmm.unpolarized_RT"),
    "'>=' not supported between instances of 'int' and 'Size'": (
        "empyrical.conditional_value_at_risk",),
    "Hooks.call() got multiple values for argument 'f'": (
        "skrf.tlineFunctions.surface_resistivity",),
    "'generator' object is not subscriptable": (
        "utm.from_latlon (arrays)",),
    "expected a sequence of integers or a single integer, got 'Tracer(i64[])'": (
        "miepython.i_unpolarized",),
    "no line: arrays of dtype object cannot be traced": (
        "pythermalcomfort.models.discomfort_index",),
}
"""What is wrong with us -> the functions: wrong numbers, exceptions that the plain call does not raise, refusals that name no line."""
