"""Base templates and the names of categories and classes (MXAccess reference, sections 6, 7)."""

from __future__ import annotations

from mxgateway.generated.mxaccess_gateway.v1 import MxDataType
from mxgateway.simulator.galaxy.model import AREA
from mxgateway.simulator.tag import Classification

__all__ = ["ATTRIBUTE_CATEGORIES", "BASE_TEMPLATES", "CLASSES", "TYPES"]

_OBJECT_CATEGORIES = {
    1: ("WinPlatform",),
    3: ("AppEngine",),
    4: ("ViewEngine",),
    8: ("RedundantDIObject",),
    10: (
        *("UserDefined", "AnalogDevice", "DiscreteDevice", "Sequencer", "SQLData"),
        *("FieldReference", "Switch", "Boolean", "Integer", "Float", "Double", "String"),
    ),
    11: ("OPCClient", "DDESuiteLinkClient", "InTouchProxy"),
    AREA: ("Area",),
    16: ("Symbol",),
    17: ("ViewApp",),
    23: ("Galaxy",),
    26: ("InTouchViewApp",),
}

BASE_TEMPLATES: dict[str, int] = {
    f"${prefix}{name}": category
    for category, names in _OBJECT_CATEGORIES.items()
    for name in names
    for prefix in ("", "g")
}
"""Templates that need no description, and their customary copies `$g...`, with the category."""

ATTRIBUTE_CATEGORIES: dict[str, int] = {
    "Calculated": 2,
    "CalculatedRetentive": 3,
    "Writeable_U": 4,
    "Writeable_S": 5,
    "Writeable_US": 6,
    "Writeable_UC": 7,
    "Writeable_USC": 8,
    "Writeable_UC_Lockable": 9,
    "Writeable_USC_Lockable": 10,
    "Writeable_C_Lockable": 11,
    "SystemSetsOnly": 12,
    "SystemInternal": 13,
    "SystemWriteable": 14,
    "Constant": 15,
}
"""Attribute categories that clients may meet."""

CLASSES: dict[str, int] = {
    "FreeAccess": Classification.FREE_ACCESS,
    "Operate": Classification.OPERATE,
    "SecuredWrite": Classification.SECURED_WRITE,
    "VerifiedWrite": Classification.VERIFIED_WRITE,
    "Tune": Classification.TUNE,
    "Configure": Classification.CONFIGURE,
    "ViewOnly": Classification.VIEW_ONLY,
}
"""Security classifications."""

TYPES: dict[str, MxDataType] = {
    "Boolean": MxDataType.BOOLEAN,
    "Integer": MxDataType.INTEGER,
    "Float": MxDataType.FLOAT,
    "Double": MxDataType.DOUBLE,
    "String": MxDataType.STRING,
    "Time": MxDataType.TIME,
    "ElapsedTime": MxDataType.ELAPSED_TIME,
    "ReferenceType": MxDataType.REFERENCE_TYPE,
    "StatusType": MxDataType.STATUS_TYPE,
    "DataTypeEnum": MxDataType.ENUM,
    "SecurityClassificationEnum": MxDataType.SECURITY_CLASSIFICATION_ENUM,
    "DataQualityType": MxDataType.DATA_QUALITY_TYPE,
    "QualifiedEnum": MxDataType.QUALIFIED_ENUM,
    "QualifiedStruct": MxDataType.QUALIFIED_STRUCT,
    "InternationalizedString": MxDataType.INTERNATIONALIZED_STRING,
    "BigString": MxDataType.BIG_STRING,
}
"""Data types, by the names that the galaxy has for them."""
