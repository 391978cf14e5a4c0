"""Solar energy: irradiance, air mass, temperatures and currents of photovoltaic modules."""

import numpy as np

from tests.packages.cases import of

pvlib = of("pvlib")
solarpy = of("solarpy")

SUN, LIGHT = np.array([30.0, 45.0, 60.0]), np.array([800.0, 900.0, 650.0])
AIR, WIND = np.array([20.0, 25.0, 31.0]), np.array([1.0, 2.5, 4.0])
DIODE = (6.0, 1e-9, 0.3, 400.0, 1.5)
SAPM = {"A": -3.4641, "B": -0.0594507, "C0": 1.01284, "C1": -0.0128398, "C2": 0.279317, "C3": -7.24463, "A0": 0.928385, "A1": 0.068093,
        "A2": -0.0157738, "A3": 0.0016606, "A4": -6.93e-05, "B0": 1.0, "B1": -0.002438, "B2": 0.0003103, "B3": -1.246e-05, "B4": 2.11e-07,
        "B5": -1.36e-09, "FD": 1.0, "Isco": 5.09115, "Impo": 4.54629, "Voco": 59.2608, "Vmpo": 48.3156, "Aisc": 0.000397, "Aimp": 0.000181,
        "Bvoco": -0.21696, "Mbvoc": 0.0, "Bvmpo": -0.235488, "Mbvmp": 0.0, "N": 1.4032, "Cells_in_Series": 96}

CASES = [
    pvlib("clearsky.ineichen", (SUN, 1.5, 3.0)),
    pvlib("clearsky.simplified_solis", (90.0 - SUN, 0.1, 1.0)),
    pvlib("clearsky.bird", (SUN, 1.5, 0.15, 0.1, 1.0)),
    pvlib("atmosphere.get_relative_airmass", (SUN,)),
    pvlib("atmosphere.alt2pres", (500.0,)),
    pvlib("atmosphere.gueymard94_pw", (AIR, SUN)),
    pvlib("atmosphere.kasten96_lt", (1.5, 1.2, 0.1)),
    pvlib("atmosphere.tdew_from_rh", (AIR, SUN)),
    pvlib("irradiance.aoi", (30.0, 180.0, 40.0, 150.0)),
    pvlib("irradiance.isotropic", (30.0, LIGHT)),
    pvlib("irradiance.haydavies", (30.0, 180.0, 100.0, 700.0, 1360.0, 40.0, 150.0)),
    pvlib("irradiance.klucher", (30.0, 180.0, 100.0, 700.0, 40.0, 150.0)),
    pvlib("irradiance.reindl", (30.0, 180.0, 100.0, 700.0, 640.0, 1360.0, 40.0, 150.0)),
    pvlib("irradiance.king", (30.0, 100.0, 640.0, 40.0)),
    pvlib("irradiance.perez", (30.0, 180.0, 100.0, 700.0, 1360.0, 40.0, 150.0, 1.3)),
    pvlib("irradiance.perez_driesse", (30.0, 180.0, 100.0, 700.0, 1360.0, 40.0, 150.0)),
    pvlib("irradiance.clearness_index", (LIGHT, SUN, 1360.0)),
    pvlib("irradiance.erbs_driesse", (LIGHT, SUN), call=lambda m, ghi, zenith: m.irradiance.erbs_driesse(ghi, zenith, dni_extra=1360.0)["dhi"]),
    pvlib("irradiance.orgill_hollands", (LIGHT, SUN),
          call=lambda m, ghi, zenith: m.irradiance.orgill_hollands(ghi, zenith, None, dni_extra=1360.0)["dni"]),
    pvlib("irradiance.disc", (LIGHT, SUN), call=lambda m, ghi, zenith: m.irradiance.disc(ghi, zenith, 100)["dni"]),
    pvlib("iam.ashrae", (SUN, 0.05)),
    pvlib("iam.physical", (SUN, 1.526, 4.0, 0.002)),
    pvlib("iam.martin_ruiz", (SUN, 0.16)),
    pvlib("iam.schlick", (SUN,)),
    pvlib("temperature.faiman", (LIGHT, AIR, WIND)),
    pvlib("temperature.sapm_cell", (LIGHT, AIR, WIND), a=-3.47, b=-0.0594, deltaT=3.0),
    pvlib("temperature.pvsyst_cell", (LIGHT, AIR, WIND)),
    pvlib("temperature.noct_sam", (LIGHT, AIR, WIND), noct=45.0, module_efficiency=0.2),
    pvlib("temperature.faiman_rad", (LIGHT, AIR, WIND, LIGHT * 0.4)),
    pvlib("pvsystem.pvwatts_dc", (LIGHT, AIR, 240.0, -0.003)),
    pvlib("pvsystem.calcparams_desoto", (LIGHT, AIR), call=lambda m, light, t: m.pvsystem.calcparams_desoto(
        light, t, 0.003, 1.5, 6.0, 1e-9, 400.0, 0.3)[:4]),
    pvlib("pvsystem.i_from_v", DIODE, call=lambda m, *diode: m.pvsystem.i_from_v(20.0, *diode)),
    pvlib("pvsystem.v_from_i", DIODE, call=lambda m, *diode: m.pvsystem.v_from_i(3.0, *diode)),
    pvlib("pvsystem.singlediode", DIODE, call=lambda m, *diode: m.pvsystem.singlediode(*diode)["p_mp"]),
    pvlib("pvsystem.max_power_point", DIODE, call=lambda m, *diode: m.pvsystem.max_power_point(*diode, method="newton")["p_mp"]),
    pvlib("singlediode.bishop88", (20.0, *DIODE)),
    pvlib("pvsystem.sapm", (LIGHT * 1e-3, AIR), call=lambda m, light, t: m.pvsystem.sapm(light, t, SAPM)["p_mp"]),
    pvlib("inverter.pvwatts", (200.0,), pdc0=240.0),
    pvlib("solarposition.declination_spencer71", (100.0,)),
    pvlib("solarposition.equation_of_time_spencer71", (100.0,)),
    pvlib("solarposition.solar_zenith_analytical", (0.7, 0.3, 0.2)),
    pvlib("solarposition.solar_azimuth_analytical", (0.7, 0.3, 0.2, 0.9)),
    pvlib("spectrum.spectral_factor_firstsolar", (1.5, 1.3), module_type="cdte"),
    pvlib("spectrum.spectral_factor_sapm", (np.array([1.2, 1.5]),), module=SAPM),
    pvlib("tracking.singleaxis", (60.0, 120.0), call=lambda m, zenith, azimuth: m.tracking.singleaxis(zenith, azimuth)["aoi"]),
    solarpy("air_mass_kastenyoung1989", (40.0, 300.0)),
    solarpy("pressure", (500.0,)),
    solarpy("lla2ecef", (40.0, -3.0, 600.0)),
    solarpy("ned2ecef", (np.array([0.2, 0.5, -0.8]), 40.0, -3.0)),
]
