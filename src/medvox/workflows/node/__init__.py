"""Node: joins the archive and the network to a DICOM node; the server puts its HTTP side in front."""
