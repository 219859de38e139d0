"""DICOM over the network: an own upper layer (PS3.8) and message exchange (PS3.7), as user and as provider.

`upper_layer` holds PDUs, the state machine, negotiation and associations over blocking sockets; `dimse` the
messages and services on top; `handlers` what an application injects. Nothing here stores, indexes or shows.

Works: Verification, Storage, and Query/Retrieve (C-FIND, C-GET, C-MOVE with C-CANCEL), both roles.
Not here yet: TLS, worklist, MPPS, UPS, storage commitment, print management, asynchronous operations,
transcoding of compressed instances that a peer refuses.
"""
