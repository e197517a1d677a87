"""The columns and value names of IOM's HTCDS 2.0 (CC BY 4.0) as our words; None for a word that the model has none for.

The standard lists value names; misspellings such as "Unaquainted" are its own. The method of recruitment fills only the
channel, because HTCDS says where contact was made there and in `vic_RelationshipToTrafficker` by whom.
"""

from collections.abc import Mapping

COLUMNS: frozenset[str] = frozenset(
    {
        "org_Name", "org_ShippingCity", "org_ShippingCountry", "org_ShippingState", "org_ShippingStreet",
        "org_ShippingPostalCode", "org_ShippingLongitude", "org_ShippingLatitude", "org_Phone", "org_Type",
        "prs_Salutation", "prs_FirstName", "prs_MiddleName", "prs_SecondName", "prs_Birthdate", "prs_Gender",
        "prs_Deceased", "prs_MaritalStatus", "prs_NumberOfChildren", "prs_PrimaryLanguage", "prs_SecondaryLanguage",
        "prs_HighestLevelOfEducation", "prs_Citizenship", "prs_IdentityNumber", "prs_Title", "prs_Email",
        "prs_HomePhone", "prs_MobilePhone", "prs_MailingCity", "prs_MailingCountry", "prs_MailingState",
        "prs_MailingStreet", "prs_MailingPostalCode", "prs_MailingLongitude", "prs_MailingLatitude",
        "vic_AgreementToManagePersonalData", "vic_TraffickingStatus", "vic_TraffickingStatusDecisionMakingOrg",
        "vic_RelationshipToTrafficker", "vic_AgeWhenTrafficked", "vic_RecruitmentWebsitesAndApps",
        "vic_MethodOfRecruitment", "vic_LocationOfRecruitment", "vic_MethodsOfControl", "vic_TypeOfExploitation",
        "vic_ForcedLabourIndustry", "vic_TypeOfSexExploitation", "vic_LocationOfExploitation",
        "vic_ExploitationWebsitesAndApps", "vic_Vulnerabilities", "vic_DetailsOfVulnerabilities", "per_RoleInProcess",
        "per_RoleDetails", "cas_Status", "cas_ReasonForCaseClosure", "cas_CaseOwner", "cas_ReferringOrganisation",
        "cas_IncomingReferralDate", "cas_ReferringPrimaryCaseWorker", "cas_ReasonForIncomingReferral",
        "cas_IncomingReferralDetails", "cas_ReferredOrganisation", "cas_ReferredPrimaryCaseWorker",
        "cas_ReasonForOutgoingReferral", "cas_OutgoingReferralDate", "cas_OutgoingReferralDetails", "cco_CaseComment",
        "hte_Longitude", "hte_Latitude", "hte_City", "hte_Country", "hte_State", "hte_Street", "hte_PostalCode",
        "hte_Date", "hte_Type", "hte_Description", "spl_Objectives", "spl_ActionPlan", "spl_PlannedEndDate",
        "spl_ActualEndDate", "spl_Type", "con_Consent",
    }
)  # fmt: skip
"""All columns of the standard."""

Words = Mapping[str, str | None]

GENDER: Words = {
    "Feminine": "female", "Masculine": "male", "TransgenderFeminine": "other", "TransgenderMasculine": "other",
    "NonConforming": "other", "NonSpecifiedUnknown": None,
}  # fmt: skip
STATUS: Words = {
    "PossibleVictimOfTrafficking": "victim_presumed",
    "ActualVictimOfTrafficking": "victim_confirmed",
    "NotAVictimOfTrafficking": None,
}
DECIDED_BY: Words = {
    "Police": "police", "NGO": "ngo", "CourtOrProsecution": "court_or_prosecution",
    "NonPoliceGovernmentalOrganization": "other_government", "Other": "other",
}  # fmt: skip
CASE_STATUS: Words = {
    "Active": "active", "FollowUp": "follow_up", "Closed": "closed", "ClosedReferred": "closed_referred",
}  # fmt: skip
STAGE: Words = {"Recruitment": "recruitment", "Transit": "transit", "Exploitation": "exploitation"}
ROLE: Words = {
    "TravellingPartner": None, "Transporter": "transporter", "RecruiterOrIntermediary": "recruiter",
    "BrokerTravelAgent": "facilitator", "TransferredIndividual": "transporter", "HarbouredIndividual": "harbourer",
    "SoldIndividual": "exploiter", "BoughtIndividual": "exploiter", "ReceivedIndividual": "exploiter",
    "ControlledIndividual": "controller", "Smuggler": "transporter", "Abuser": "exploiter", "Kidnapper": "exploiter",
    "Exploiter": "exploiter", "Other": None,
}  # fmt: skip

_CONTROL: Words = {
    "PhysicalThreats": "ctl.threats", "ThreatsLawEnforcement": "ctl.threats",
    "ThreatensChildrenFamily": "ctl.threats", "DebtBondage": "ctl.debt_earnings",
    "FalsePromises": "ctl.false_promises", "PhysicalAbuse": "ctl.abuse", "SexualAbuse": "ctl.abuse",
    "TakesEarnings": "ctl.debt_earnings", "RestrictsFinancialAccess": "ctl.deny_needs",
    "RestrictsMedicalCare": "ctl.deny_needs", "WithholdsNecessities": "ctl.deny_needs",
    "PsychologicalAbuse": "ctl.abuse", "PsychoactiveSubstance": "ctl.substances",
    "ExcessiveWorkingHours": "ctl.work_hours", "WithholdsDocuments": "ctl.withhold_docs", "Other": None,
}  # fmt: skip
_FORM: Words = {
    "ForcedLabour": "frm.labour", "SexualExploitation": "frm.sexual", "ChildLabour": "frm.labour",
    "ForcedMarriage": "frm.marriage", "Servitude": "frm.domestic",
    "ForcedMilitaryByNonStateActors": "frm.other", "OrganRemoval": "frm.other", "ForcedBegging": "frm.begging",
    "ForcedAdoption": "frm.adoption", "Surrogacy": "frm.surrogacy", "Other": "frm.other",
}  # fmt: skip
_CHANNEL: Words = {
    "AtAPlaceOfBusiness": None, "AtAnEducationalInstitution": "chn.institution", "AtWork": None,
    "ThroughOnlineSocialNetworks": "chn.online", "ThroughAnOnlineAdvertisement": "chn.online",
    "ThroughATelevisionAdvert": None, "ThroughANewspaperAdvert": None, "ThroughFamilyOrFamilyEvents": None,
    "ThroughFriendsOrSocialEvents": None, "Other": None,
}  # fmt: skip
_RECRUITER: Words = {"Familial": "rec.family", "Acquainted": "rec.friend", "Unaquainted": "rec.other"}


def _group(words: Words) -> frozenset[str]:
    return frozenset(code for code in words.values() if code is not None)


INDICATORS: Mapping[str, tuple[Words, frozenset[str]]] = {
    "vic_MethodsOfControl": (_CONTROL, _group(_CONTROL)),
    "vic_TypeOfExploitation": (_FORM, _group(_FORM)),
    "vic_MethodOfRecruitment": (_CHANNEL, _group(_CHANNEL)),
    "vic_RelationshipToTrafficker": (_RECRUITER, _group(_RECRUITER)),
}
"""Lists of which a row names what applies; the rest of the same list was asked, so it is no."""

TYPED: tuple[tuple[str, str, str, Mapping[str, str], str], ...] = (
    ("prs_HomePhone", "phone", "number", {}, "USES"),
    ("prs_MobilePhone", "phone", "number", {}, "USES"),
    ("prs_Email", "online_account", "handle", {"service": "email"}, "CONTROLS"),
    ("prs_IdentityNumber", "identity_document", "number", {"document_kind": "identity_card"}, "BEARS"),
)
"""Column, kind, property, constants, and the link from the person."""

MAILING: tuple[str, ...] = (
    "prs_MailingStreet", "prs_MailingPostalCode", "prs_MailingCity", "prs_MailingState", "prs_MailingCountry",
)  # fmt: skip
WHERE: tuple[str, ...] = ("hte_Street", "hte_PostalCode", "hte_City", "hte_State", "hte_Country")

CARRIED: frozenset[str] = frozenset(
    {
        "prs_FirstName", "prs_MiddleName", "prs_SecondName", "prs_Gender", "prs_Birthdate", "prs_Citizenship",
        "prs_MailingLatitude", "prs_MailingLongitude", "hte_Type", "hte_Date", "hte_Latitude", "hte_Longitude",
        "vic_TraffickingStatus", "vic_TraffickingStatusDecisionMakingOrg", "vic_AgeWhenTrafficked",
        "per_RoleInProcess", "cas_Status", "cas_IncomingReferralDate",
        *MAILING, *WHERE, *INDICATORS, *(column for column, *_ in TYPED),
    }
)  # fmt: skip
"""Columns that something is read from; the others are counted and left out."""
