"""Optics and colour: polynomials of wavefronts, thin films, scattering, colour spaces."""

import numpy as np

from tests.packages.cases import of

waves = of("prysm", "prysm.polynomials")
films = of("prysm", "prysm.thinfilm")
places = of("prysm", "prysm.coordinates")
lens = of("prysm", "prysm.thinlens")
glass = of("prysm", "prysm.refractive")
tmm = of("tmm")
mie = of("miepython")
colour = of("colour-science", "colour")

R, T = np.array([0.2, 0.5, 0.9]), np.array([0.3, 1.2, 2.5])
XYZ, LAB = np.array([0.2065, 0.1220, 0.0514]), np.array([41.5, 52.6, 26.9])
STACK = [1.0, 2.2, 3.3, 1.0]

CASES = [
    waves("zernike_nm", (R, T), call=lambda m, r, t: m.zernike_nm(4, 2, r, t)),
    waves("zernike_nm_sequence", (R, T), call=lambda m, r, t: list(m.zernike_nm_sequence([(2, 0), (3, 1), (4, -2)], r, t))),
    waves("jacobi", (R,), call=lambda m, x: m.jacobi(5, 1.0, 2.0, x)),
    waves("legendre", (R,), call=lambda m, x: m.legendre(4, x)),
    waves("cheby1", (R,), call=lambda m, x: m.cheby1(4, x)),
    waves("hermite_He", (R,), call=lambda m, x: m.hermite_He(4, x)),
    waves("Qbfs", (R,), call=lambda m, x: m.Qbfs(3, x)),
    waves("Qcon", (R,), call=lambda m, x: m.Qcon(3, x)),
    waves("dickson1", (R, 0.4), call=lambda m, x, a: m.dickson1(4, a, x)),
    waves("hopkins", (R, T, 0.7), call=lambda m, r, t, H: m.hopkins(1, 2, 1, r, t, H)),
    waves("sum_of_2d_modes", (np.array([[[1.0, 2.0], [0.5, 0.1]], [[0.3, 0.2], [0.9, 0.4]]]), np.array([0.7, 0.2]))),
    films("brewsters_angle", (1.0, 1.5)),
    films("snell_aor", (1.0, 1.5, 30.0)),
    films("fresnel_rs", (1.0, 1.5, 0.5, 0.33)),
    films("multilayer_stack_rt", (1.38, 0.1), call=lambda m, n, d: abs(m.multilayer_stack_rt([(n, d), (1.52, 10.0)], 0.55, "p")[0])),
    places("cart_to_polar", (R, T), call=lambda m, x, y: m.cart_to_polar(x, y, vec_to_grid=False)),
    places("polar_to_cart", (R, T)),
    places("make_rotation_matrix", (10.0, 20.0, 5.0), call=lambda m, a, b, c: m.make_rotation_matrix((a, b, c))),
    lens("object_to_image_dist", (50.0, 200.0)),
    lens("defocus_to_image_displacement", (1.0, 8.0, 0.55)),
    lens("twolens_efl", (50.0, 80.0, 10.0)),
    glass("cauchy", (0.55, 1.5, 0.004)),
    glass("sellmeier", (0.55, np.array([1.03961212, 0.231792344]), np.array([0.006, 0.02]))),
    tmm("snell", (1.0, 1.5, 0.5)),
    tmm("interface_R", (1.0, 1.5, 0.5, 0.33), call=lambda m, *numbers: m.interface_R("s", *numbers)),
    tmm("coh_tmm", (100.0, 300.0, 500.0), call=lambda m, a, b, wave: m.coh_tmm("s", STACK, [np.inf, a, b, np.inf], 0.3, wave)["R"]),
    tmm("unpolarized_RT", (100.0, 300.0, 500.0), call=lambda m, a, b, wave: m.unpolarized_RT(STACK, [np.inf, a, b, np.inf], 0.3, wave)["T"]),
    tmm("inc_tmm", (100.0, 300.0, 500.0), call=lambda m, a, b, wave: m.inc_tmm("s", STACK, [np.inf, a, b, np.inf], ["i", "c", "c", "i"], 0.3, wave)["R"]),
    mie("small_sphere", (1.5, 0.05), call=lambda m, n, x: m.small_sphere(n, x)[:2]),
    mie("efficiencies_mx", (1.5, 2.0), call=lambda m, n, x: m.efficiencies_mx(n, x)[:2]),
    mie("i_unpolarized", (1.5, 2.0), call=lambda m, n, x: m.i_unpolarized(n, x, np.array([0.1, 0.5]))),
    mie("efficiencies", (1.5, 0.4), call=lambda m, n, d: m.efficiencies(n, d, 0.6)[:2]),
    colour("XYZ_to_sRGB", (XYZ,)),
    colour("sRGB_to_XYZ", (np.array([0.5, 0.2, 0.7]),)),
    colour("XYZ_to_Lab", (XYZ,)),
    colour("Lab_to_XYZ", (LAB,)),
    colour("XYZ_to_Luv", (XYZ,)),
    colour("XYZ_to_xyY", (XYZ,)),
    colour("xyY_to_XYZ", (np.array([0.54, 0.32, 0.12]),)),
    colour("XYZ_to_Oklab", (XYZ,)),
    colour("XYZ_to_IPT", (XYZ,)),
    colour("Lab_to_LCHab", (LAB,)),
    colour("RGB_to_HSV", (np.array([0.5, 0.2, 0.7]),)),
    colour("HSV_to_RGB", (np.array([0.6, 0.4, 0.7]),)),
    colour("RGB_to_YCbCr", (np.array([0.5, 0.2, 0.7]),)),
    colour("delta_E", (LAB, np.array([45.0, 40.0, 30.0]))),
    colour("difference.delta_E_CIE1976", (LAB, np.array([45.0, 40.0, 30.0]))),
    colour("difference.delta_E_CMC", (LAB, np.array([45.0, 40.0, 30.0]))),
    colour("xy_to_CCT", (np.array([0.31, 0.33]),), call=lambda m, xy: m.temperature.xy_to_CCT_McCamy1992(xy)),
    colour("temperature.CCT_to_uv_Krystek1985", (5000.0,)),
    colour("temperature.CCT_to_xy_CIE_D", (6500.0,)),
    colour("adaptation.chromatic_adaptation_VonKries", (XYZ, np.array([0.95, 1.0, 1.08]), np.array([0.96, 1.0, 0.82]))),
    colour("XYZ_to_CIECAM02", (XYZ * 100.0,), call=lambda m, xyz: m.XYZ_to_CIECAM02(xyz, np.array([95.05, 100.0, 108.88]), 318.31, 20.0).J),
    colour("lightness", (12.0,)),
    colour("luminance", (41.5,)),
    colour("models.eotf_sRGB", (np.array([0.5, 0.2, 0.7]),)),
    colour("models.eotf_ST2084", (np.array([0.5, 0.2, 0.7]),)),
    colour("colorimetry.planck_law", (500e-9, 5000.0)),
    colour("phenomena.scattering_cross_section", (555e-7, 360.0)),
]
