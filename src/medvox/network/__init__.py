"""DICOM over the network: an own upper layer (PS3.8) and message exchange (PS3.7), as user and as provider.

`upper_layer` holds PDUs, the state machine, negotiation and associations over blocking sockets; `dimse` the
messages and services on top; `handlers` what an application injects. Nothing here stores, indexes or shows.

Works, both roles: Verification, Storage, Query/Retrieve (C-FIND, C-GET, C-MOVE with C-CANCEL), Modality
Worklist, Modality Performed Procedure Step, Storage Commitment, print management; TLS; the N- services of
`dimse.normalized`. Not here yet: asynchronous operations.
"""
