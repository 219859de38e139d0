"""Which elements a derived series takes over from its source, and which are there though empty (PS3.3)."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PATIENT = _words("""
    PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientBirthTime
    OtherPatientIDsSequence EthnicGroup PatientComments PatientSpeciesDescription
    PatientSpeciesCodeSequence PatientBreedDescription PatientBreedCodeSequence BreedRegistrationSequence
    ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization PatientIdentityRemoved
    DeidentificationMethod DeidentificationMethodCodeSequence QualityControlSubject
    ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID
    ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
""")
"""Patient and Clinical Trial Subject modules (C.7.1.1, C.7.1.3)."""
STUDY = _words("""
    StudyDate StudyTime ReferringPhysicianName StudyID AccessionNumber IssuerOfAccessionNumberSequence
    StudyDescription ProcedureCodeSequence ReferencedStudySequence LongitudinalTemporalInformationModified
    PatientAge PatientSize PatientWeight AdmissionID PregnancyStatus PatientSexNeutered MedicalAlerts
    Allergies ClinicalTrialTimePointID ClinicalTrialTimePointDescription TimezoneOffsetFromUTC
""")
"""General Study, Patient Study and Clinical Trial Study modules (C.7.2)."""
SERIES = _words("BodyPartExamined Laterality ProtocolName")
"""What a derived series has in common with its source (C.7.3.1)."""
EMPTY = _words("""
    PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime ReferringPhysicianName StudyID
    AccessionNumber
""")
"""Type 2: there, and empty where unknown."""
EQUIPMENT = _words("""
    Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName
    ManufacturerModelName DeviceSerialNumber SoftwareVersions
""")
"""Of the scanner, for Contributing Equipment Sequence (C.12.1)."""
CT = _words("""
    KVP ConvolutionKernel XRayTubeCurrent ExposureTime Exposure FilterType ScanOptions ContrastBolusAgent
    ContrastBolusRoute RotationDirection
""")
"""CT Image (C.8.2.1)."""
MR = _words("""
    ScanningSequence SequenceVariant ScanOptions MRAcquisitionType SequenceName RepetitionTime EchoTime
    InversionTime EchoTrainLength EchoNumbers FlipAngle MagneticFieldStrength ImagingFrequency
    ImagedNucleus NumberOfAverages ContrastBolusAgent TriggerTime
""")
"""MR Image (C.8.3.1)."""
PET = _words("""
    CountsSource DecayCorrection CorrectedImage CollimatorType AttenuationCorrectionMethod
    ScatterCorrectionMethod RandomsCorrectionMethod ReconstructionMethod ConvolutionKernel
    RadiopharmaceuticalInformationSequence ActualFrameDuration FrameReferenceTime
    PatientOrientationCodeSequence PatientGantryRelationshipCodeSequence SeriesType AcquisitionDate
    AcquisitionTime
""")
"""PET Series, Isotope and Image (C.8.9)."""
DX = _words("""
    PresentationIntentType ViewPosition PatientOrientation ImageLaterality AnatomicRegionSequence
    ViewCodeSequence PixelIntensityRelationship PixelIntensityRelationshipSign DetectorType
    DetectorConfiguration PositionerType AcquisitionContextSequence BurnedInAnnotation
""")
"""DX modules (C.8.11)."""
ENHANCED_PET_REQUIRED = _words("""
    RadiopharmaceuticalInformationSequence TimeOfFlightInformationUsed TableMotion CountsSource
    DecayCorrected AttenuationCorrected ScatterCorrected DeadTimeCorrected GantryMotionCorrected
    PatientMotionCorrected CountLossNormalizationCorrected RandomsCorrected
    NonUniformRadialSamplingCorrected SensitivityCalibrated DetectorNormalizationCorrection
    ViewCodeSequence
""")
"""Type 1 attributes of enhanced PET that only the scanner knows (C.8.22.2, C.8.22.4, C.8.22.6)."""
ENHANCED_PET = ENHANCED_PET_REQUIRED + _words("""
    SliceProgressionDirection DecayCorrectionDateTime AttenuationCorrectionSource RandomsCorrectionMethod
    ScatterCorrectionMethod AcquisitionDateTime AcquisitionDuration AttenuationCorrectionTemporalRelationship
    CollimatorType DetectorGeometry TypeOfDetectorMotion AcquisitionStartCondition
    AcquisitionTerminationCondition EnergyWindowRangeSequence
""")
"""All that enhanced PET takes over."""
OURS = frozenset(
    _words("""
    SOPClassUID SOPInstanceUID StudyInstanceUID Rows Columns BitsAllocated BitsStored HighBit
    SamplesPerPixel PixelRepresentation PhotometricInterpretation PixelData NumberOfFrames RescaleSlope
    RescaleIntercept PixelSpacing ImagePositionPatient ImageOrientationPatient
    PerFrameFunctionalGroupsSequence SharedFunctionalGroupsSequence SpecificCharacterSet
    """)
)
"""Elements that follow from the volume: no caller replaces them."""
