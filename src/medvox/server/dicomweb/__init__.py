"""DICOMweb of an archive: QIDO-RS, WADO-RS, STOW-RS and WADO-URI (PS3.18).

`medvox.server.dicomweb.routers.ROUTERS` are included into an application that has `app.state.archive`.
"""
