"""Physical chemistry: vapour pressures, transport properties, equations of state, flashes, steam tables."""

import numpy as np

from tests.packages.cases import of

chemicals = of("chemicals")
thermo = of("thermo")
steam = of("iapws")

BUTANE = (425.2, 3.8e6, 0.193)
FEED, K_VALUES = np.array([0.5, 0.3, 0.2]), np.array([1.685, 0.742, 0.532])

CASES = [
    chemicals("Antoine", (350.0, 8.95, 1327.0, -36.0)),
    chemicals("Wagner", (100.0, 190.53, 4596420.0, -6.00435, 1.1885, -0.834082, -1.22833)),
    chemicals("Lee_Kesler", (347.2, 617.1, 36e5, 0.299)),
    chemicals("Ambrose_Walton", (347.25, 617.15, 36.09e5, 0.304)),
    chemicals("Psat_IAPWS", (300.0,)),
    chemicals("Tsat_IAPWS", (1e5,)),
    chemicals("iapws95_rho", (330.0, 8e5), slow=True),
    chemicals("iapws97_rho", (330.0, 8e5), (600.0, 4e5), (700.0, 3e7)),
    chemicals("mu_IAPWS", (298.15, 998.0)),
    chemicals("k_IAPWS", (647.35, 750.0)),
    chemicals("viscosity.Letsou_Stiel", (400.0, 46.07, 516.25, 6.383e6, 0.6371)),
    chemicals("viscosity.Wilke", (np.array([0.05, 0.95]), np.array([1.34e-5, 9.5029e-6]), np.array([64.06, 46.07]))),
    chemicals("viscosity.Herning_Zipperer", (np.array([0.5, 0.25, 0.25]), np.array([1.78e-5, 1.12e-5, 9.35e-6])),
              call=lambda m, zs, mus: m.Herning_Zipperer(zs, mus, [28.0134, 16.043, 30.07])),
    chemicals("thermal_conductivity.Eli_Hanley", (373.15, 72.151, 464.76, 3.1e-4, 0.2686, 0.227, 135.8)),
    chemicals("interface.Brock_Bird", (293.15, 404.75, 633.0, 4530000.0)),
    chemicals("interface.Weinaug_Katz", (np.array([5.1e-5, 7.2e-5]), 0.000125, 0.02091, np.array([0.4, 0.6]), np.array([0.6, 0.4]))),
    chemicals("volume.COSTALD", (298.0, 369.83, 0.00020008, 0.1532)),
    chemicals("volume.Rackett", (272.03889, 369.83, 4248000.0, 0.2763)),
    chemicals("volume.Yen_Woods_saturation", (300.0, 647.14, 55.45e-6, 0.245)),
    chemicals("heat_capacity.Lastovka_Shaw", (1000.0, 0.1333)),
    chemicals("heat_capacity.Poling", (300.0, 4.424, 0.008661, 2.98e-5, -3.9e-8, 1.5e-11)),
    chemicals("heat_capacity.Shomate", (596.0, 30.092, 6.832514e-3, 6.793435e-6, -2.53448e-9, 0.082139e6)),
    chemicals("phase_change.Watson", (320.0, 43908.0, 300.0, 647.14)),
    chemicals("phase_change.Clapeyron", (294.0, 466.0, 5.55e6)),
    chemicals("virial.BVirial_Pitzer_Curl", (510.0, *BUTANE)),
    chemicals("virial.BVirial_Tsonopoulos", (510.0, *BUTANE)),
    chemicals("virial.CVirial_Orbey_Vera", (510.0, *BUTANE)),
    chemicals("virial.Z_from_virial_pressure_form", (102919.99946855308, 4.032286555169439e-9, 1.6197059494442215e-13),
              call=lambda m, P, B, C: m.Z_from_virial_pressure_form(P, (B, C))),
    chemicals("rachford_rice.Rachford_Rice_flash_error", (0.5, FEED, K_VALUES)),
    chemicals("rachford_rice.Rachford_Rice_solution", (FEED, K_VALUES)),
    chemicals("rachford_rice.flash_inner_loop", (FEED, K_VALUES), call=lambda m, zs, Ks: m.flash_inner_loop(zs, Ks)),
    chemicals("critical.Ihmels", (560.1,), call=lambda m, Tc: m.critical.Ihmels(Tc=Tc, Vc=2.55e-4)),
    chemicals("mixture_atomic_composition", (2.5, 1.5), call=lambda m, a, b: list(m.mixture_atomic_composition(
        [{"H": 2, "O": 1}, {"C": 1, "H": 4}], [a, b]).values())),
    chemicals("solubility.solubility_eutectic", (260.0, 278.68, 9952.0, 0.0, 0.0, 3.0176)),
    chemicals("temperature.ITS90_68_difference", (500.0,)),
    chemicals("air.lemmon2000_rho", (300.0, 1e5)),
    thermo("PR.V_g", (*BUTANE, 299.0, 1e5), call=lambda m, Tc, Pc, omega, T, P: m.PR(Tc=Tc, Pc=Pc, omega=omega, T=T, P=P).V_g),
    thermo("SRK.V_l", (507.6, 3025000.0, 0.2975, 299.0, 1e6), call=lambda m, Tc, Pc, omega, T, P: m.SRK(Tc=Tc, Pc=Pc, omega=omega, T=T, P=P).V_l),
    thermo("VDW.H_dep_g", (425.2, 3.8e6, 400.0, 1e5), call=lambda m, Tc, Pc, T, P: m.VDW(Tc=Tc, Pc=Pc, T=T, P=P).H_dep_g, slow=True),
    thermo("RK.fugacity_g", (425.2, 3.8e6, 400.0, 1e5), call=lambda m, Tc, Pc, T, P: m.RK(Tc=Tc, Pc=Pc, T=T, P=P).fugacity_g),
    thermo("nrtl.NRTL_gammas", (np.array([0.25, 0.75]), np.array([[0.0, 1.2], [0.4, 0.0]])),
           call=lambda m, xs, taus: m.nrtl.NRTL_gammas(xs, taus, np.array([[0.0, 0.29], [0.29, 0.0]]))),
    thermo("wilson.Wilson_gammas", (np.array([0.252, 0.748]), np.array([[1.0, 0.154], [0.888, 1.0]])),
           call=lambda m, xs, params: m.wilson.Wilson_gammas(xs, params)),
    thermo("uniquac.UNIQUAC_gammas", (np.array([0.252, 0.748]), np.array([[1.0, 1.0919], [0.3769, 1.0]])),
           call=lambda m, xs, taus: m.uniquac.UNIQUAC_gammas(xs, np.array([2.1055, 0.9200]), np.array([1.972, 1.400]), taus)),
    thermo("eos_mix.one_minus_kijs", (np.array([[0.0, 0.1], [0.1, 0.0]]),)),
    steam("iapws97._Region1", (350.0, 1.0), call=lambda m, T, P: m.iapws97._Region1(T, P)["h"]),
    steam("iapws97._Region2", (600.0, 1.0), call=lambda m, T, P: m.iapws97._Region2(T, P)["s"]),
    steam("iapws97._PSat_T", (400.0,), call=lambda m, T: m.iapws97._PSat_T(T)),
    steam("iapws97._TSat_P", (1.0,), call=lambda m, P: m.iapws97._TSat_P(P)),
    steam("_iapws._Viscosity", (998.0, 298.15), call=lambda m, rho, T: m._iapws._Viscosity(rho, T)),
    steam("_iapws._ThCond", (998.0, 298.15), call=lambda m, rho, T: m._iapws._ThCond(rho, T)),
    steam("_iapws._Tension", (400.0,), call=lambda m, T: m._iapws._Tension(T)),
    steam("_iapws._Dielectric", (998.0, 298.15), call=lambda m, rho, T: m._iapws._Dielectric(rho, T)),
    steam("_iapws._Henry", (300.0,), call=lambda m, T: m._iapws._Henry(T, "O2")),
    steam("_iapws._Ice", (260.0, 0.1), call=lambda m, T, P: m._iapws._Ice(T, P)["rho"]),
]
